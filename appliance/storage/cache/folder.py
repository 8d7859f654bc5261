"""The cache's folder: whole files that are written once, and a lock for the one writer.

Everything that the cache does to the disk goes through a `Folder`, and everything in there that changes something
through `_create`, `_write`, `_sync`, `_replace` and `_unlink`: a test cuts the power at each of them.

The lock is `lock` (flock, exclusive). `OSError` comes out as the system raised it; the cache decides what it means.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import Final

from appliance.storage import atomic

LOCK: Final = "lock"


class Folder:
    """Files by name, in one directory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def lock(self) -> bool:
        """Become the writer, in a directory that is made if it is missing; False when another one is."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._lock = handle
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def check(self) -> None:
        """Raise `FileNotFoundError` unless the lock that is held is the one in the folder.

        It is not once the volume was unmounted or its content deleted. What is written then would land elsewhere, or
        beside another writer.
        """
        if self._lock is None or not os.path.samestat(os.fstat(self._lock), (self.path / LOCK).stat()):
            raise FileNotFoundError(f"{self.path} is no longer the volume that was locked")

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir())

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def read(self, name: str, offset: int, length: int) -> bytes:
        """The bytes there are from an offset on, at most so many."""
        handle = os.open(self.path / name, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return os.pread(handle, length, offset)
        finally:
            os.close(handle)

    def write(self, name: str, content: bytes | bytearray) -> None:
        """A new file; its content is durable on return, its name soon after. What fails is taken back."""
        handle = self._create(name)
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[self._write(handle, rest) :]
            self._sync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                self._unlink(name)
            raise
        finally:
            os.close(handle)

    def replace(self, name: str, content: bytes) -> None:
        """A small file, the old content or the new."""
        self._replace(name, content)

    def remove(self, name: str) -> None:
        self._unlink(name)

    def sweep(self) -> None:
        """Remove what a crash left of `replace`."""
        atomic.sweep(self.path)

    def _create(self, name: str) -> int:
        return os.open(self.path / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def _write(self, handle: int, content: memoryview) -> int:
        return os.write(handle, content)

    def _sync(self, handle: int) -> None:
        os.fdatasync(handle)

    def _replace(self, name: str, content: bytes) -> None:
        atomic.write_bytes(self.path / name, content)

    def _unlink(self, name: str) -> None:
        (self.path / name).unlink()
