"""The file under the queue: SQLite made to survive power cuts, and a damaged file.

Write-ahead log, 1 KiB pages, synchronous FULL: what a transaction wrote is durable when it ends, at about 51 NAND
erases per 1000 commits. The schema's version is in `user_version`. Migrations only ever add, so a program that was
rolled back goes on with the database of the newer one.

A file that SQLite calls damaged is renamed to `NAME.damaged-TIME`, with its log, and a new one is begun; only the
newest of these is kept. Other processes may have the old file open, so nobody writes without a shared lock on
`NAME.lock`, under which the file is known to be the one of that name; renaming it takes the lock exclusively.

SQLite maps the index of its log into memory. Touching a page of that which would have to be written is the end of the
process (SIGBUS) once UBIFS has gone read-only. The mapping could only be avoided with a single process (locking_mode
EXCLUSIVE) or another journal (the rollback journal costs five times the erases). So on a volume that is read-only the
file is not opened, and a connection from before is not touched again, not even to close it: what was in the file is
read from a copy in memory (`appliance.jobs.frozen`), and `writing` raises. A process whose own commit is the one that
the volume refuses may still be killed; nothing acknowledged is lost by that, and the supervisor starts it again.

A connection for each thread. Errors: `UnhealthyError` for what is wrong with the file or the disk.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError
from appliance.jobs import frozen
from appliance.storage.atomic import fsync_directory

log = logging.getLogger(__name__)

_PAGE_BYTES: Final = 1024
_BUSY_S: Final = 10.0
_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FILES: Final = ("", "-wal", "-shm")
_MARK: Final = ".damaged-"

_left: Final[list[_Handle]] = []
"""On volumes that became read-only: closing them would touch the mapping."""


class Database:
    """One SQLite file, made when it is first used. Thread-safe, and safe among processes."""

    def __init__(self, path: Path, migrations: Sequence[str]) -> None:
        self._path = path
        self._migrations = migrations
        self._local = threading.local()

    @contextlib.contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """For queries: outside a transaction."""
        with self._explained():
            yield self._opened().connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: durable when the block ends, nothing of it if the block raises."""
        with self._explained(), self._held() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def version(self) -> tuple[int, int]:
        """Differs from what this thread was told before if anything was written meanwhile by another."""
        with self.reading() as connection:
            (number,) = connection.execute("PRAGMA data_version").fetchone()
            return self._opened().inode, number

    def check(self) -> None:
        """Read the whole file, and begin a new one if it is damaged."""
        with contextlib.suppress(UnhealthyError), self.reading() as connection:
            (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok" and not frozen.is_frozen(self._path):
                self._set_aside(verdict)

    def close(self) -> None:
        """Close this thread's connection."""
        handle: _Handle | None = self._local.__dict__.pop("handle", None)
        if handle is None:
            return
        if handle.lock is not None and frozen.is_frozen(self._path):
            _left.append(handle)
        else:
            handle.close()

    @contextlib.contextmanager
    def _held(self) -> Iterator[sqlite3.Connection]:
        """The connection, while nobody can rename the file that it is connected to."""
        while True:
            handle = self._opened()
            if handle.lock is None:
                raise UnhealthyError(
                    f"the job database {self._path} cannot be changed: its volume has become read-only",
                    hint="look at `dmesg` for errors of the flash and restart the box; what it holds can still be read",
                )
            with _locked(handle.lock, fcntl.LOCK_SH):
                if handle.is_at(self._path):
                    yield handle.connection
                    return

    def _opened(self) -> _Handle:
        handle: _Handle | None = self._local.__dict__.get("handle")
        is_frozen = frozen.is_frozen(self._path)
        if handle is not None and handle.is_at(self._path) and is_frozen == (handle.lock is None):
            return handle
        self.close()
        try:
            handle = self._freeze() if is_frozen else self._open()
        except sqlite3.DatabaseError as error:
            if not _is_damage(error) or is_frozen:
                raise
            self._set_aside(str(error))
            handle = self._open()
        self._local.handle = handle
        return handle

    def _open(self) -> _Handle:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        lock = _open_lock(self._path)
        try:
            # One process at a time makes the file or changes its schema.
            with _locked(lock, fcntl.LOCK_EX):
                connection = sqlite3.connect(self._path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
                try:
                    connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = FULL")
                    self._migrate(connection)
                except BaseException:
                    connection.close()
                    raise
                fsync_directory(self._path.parent)
                return _Handle(connection, lock, self._path.stat().st_ino)
        except BaseException:
            os.close(lock)
            raise

    def _freeze(self) -> _Handle:
        connection = frozen.copy(self._path)
        try:
            self._migrate(connection)
            connection.execute("PRAGMA query_only = ON")
            return _Handle(connection, None, self._path.stat().st_ino if self._path.exists() else 0)
        except BaseException:
            connection.close()
            raise

    def _migrate(self, connection: sqlite3.Connection) -> None:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        for number, script in enumerate(self._migrations[version:], version + 1):
            connection.executescript(f"BEGIN; {script}; PRAGMA user_version = {number}; COMMIT;")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn SQLite's complaints into errors for people; set a damaged file aside."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            if _is_damage(error) and not frozen.is_frozen(self._path):
                kept = self._set_aside(str(error))
                raise UnhealthyError(
                    f"the job database was damaged; it is kept as {kept}, and a new one was begun", hint="submit again"
                ) from error
            raise UnhealthyError(
                f"the job database {self._path} cannot be used: {error}",
                hint="free some space on the state volume, or see `mouthpiece doctor`",
            ) from error
        except OSError as error:
            raise UnhealthyError(
                f"the job database {self._path} cannot be used: {error.strerror or error}",
                hint="see `mouthpiece doctor`",
            ) from error

    def _set_aside(self, reason: str) -> str:
        """Rename the damaged file, unless another process has done it; returns the name it is kept under."""
        handle: _Handle | None = self._local.__dict__.get("handle")
        damaged = handle.inode if handle else self._path.stat().st_ino
        self.close()
        kept = f"{self._path.name}{_MARK}{time.strftime('%Y%m%d-%H%M%S')}"
        lock = _open_lock(self._path)
        try:
            with _locked(lock, fcntl.LOCK_EX):
                if not self._path.exists() or self._path.stat().st_ino != damaged:
                    return kept
                for older in self._path.parent.glob(f"{self._path.name}{_MARK}*"):
                    older.unlink()
                for ending in _FILES:
                    with contextlib.suppress(FileNotFoundError):
                        self._path.with_name(self._path.name + ending).rename(self._path.with_name(kept + ending))
                fsync_directory(self._path.parent)
        finally:
            os.close(lock)
        log.error("the job database was damaged (%s): kept as %s, and a new one is begun", reason, kept)
        return kept


class _Handle:
    """A connection, the lock file, and which file it is connected to; the connection to a frozen copy has no lock."""

    def __init__(self, connection: sqlite3.Connection, lock: int | None, inode: int) -> None:
        self.connection, self.lock, self.inode = connection, lock, inode

    def is_at(self, path: Path) -> bool:
        try:
            return path.stat().st_ino == self.inode
        except FileNotFoundError:
            return self.lock is None

    def close(self) -> None:
        self.connection.close()
        if self.lock is not None:
            os.close(self.lock)


def _open_lock(path: Path) -> int:
    return os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def _locked(descriptor: int, how: int) -> Iterator[None]:
    fcntl.flock(descriptor, how)
    try:
        yield
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED
