"""The one writer of the log: records go to a ring in memory at once and to flash in blocks.

`append` only touches memory and never waits for the disk. `tick`, called often by the owner's main loop or by a thread
of its own, stores what has waited `FLUSH_S`, or 64 KiB, or anything with an ERROR in it; never more often than five
times a second. `flush` stores at once: for a power failure, for shutdown, for whoever needs to know that it is durable.
A record is *stored* when `flush` returned true or `tick` got to it: written, synced, and no power cut takes it back.

On a volume that is full the oldest segment makes way, whoever filled it: the queue needs the room more. A volume that
stays full, is read-only or gone stops nothing and raises nothing: records stay in the ring (1 MiB, then the oldest go),
`problem` says what is wrong and so does a record, the disk is tried again every 5 s, and once it works what the ring
still holds is stored, with a record of how many were lost.

Ids: after a restart they go on beyond any that the former run can have given out, stored or not, so that a reader who
holds an id misses nothing. Limits: `total_bytes`, or half of the volume if that is less, for all segments; a sixteenth
of that for each.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import zstandard

from appliance.storage import atomic
from appliance.storage.logs import block, reader, segments
from appliance.storage.logs.record import ERROR, Query, Record, severity

FLUSH_S: Final = 0.9
"""With the time between two ticks and the write itself, a power cut takes at most the last second."""
FLUSH_BYTES: Final = 64 * 1024
RING_BYTES: Final = 1024 * 1024
_PAUSE_S: Final = 0.2
_RETRY_S: Final = 5.0
_SEGMENTS: Final = 16
_PAGE: Final = 4096
_ID_GAP: Final = 1 << 20

_Entry = tuple[Record, bytes]


class LogWriter:
    """Appends to the log in `folder`. Thread-safe; one at a time for a folder, which the caller sees to."""

    def __init__(
        self, folder: Path, *, total_bytes: int = 16 * 1024 * 1024, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder = folder
        with contextlib.suppress(OSError):  # the first flush will say what is wrong
            total_bytes = segments.affordable(folder, total_bytes)
        self._total_bytes = total_bytes
        self._segment_bytes = max(total_bytes // _SEGMENTS, FLUSH_BYTES)
        self._clock = clock
        self._compressor = zstandard.ZstdCompressor(level=3)
        self.problem = ""
        """Why records are not being stored; empty while they are."""

        # The ring, stored records and then waiting ones, under a lock that is never held during disk work.
        self._ring_lock = threading.Lock()
        self._kept: deque[_Entry] = deque()
        self._waiting: deque[_Entry] = deque()
        self._ring_bytes = 0
        self._waiting_bytes = 0
        self._waiting_since = 0.0
        self._urgent = False
        self._lost = 0

        # The file, under the disk lock.
        self._disk_lock = threading.Lock()
        self._descriptor: int | None = None
        self._size = 0
        self._not_before = 0.0

        try:
            highest, self._sequence = segments.end(folder)
        except OSError:  # the first flush will say what is wrong
            highest, self._sequence = 0, 0
        # The time goes beyond ids that were seen and not stored while the disk failed; the gap helps a box whose
        # clock starts in the past.
        self._next_id = max(highest + _ID_GAP, int(time.time() * 1000))

    def append(
        self, level: str, part: str, message: str, t: float | None = None, fields: dict[str, Any] | None = None
    ) -> Record:
        """Take a record; it can be read from here on and is stored by a later `tick` or `flush`."""
        with self._ring_lock:
            when = round(time.time() if t is None else t, 3)
            record = Record(self._next_id, when, level.upper(), part, message, fields).fitted()
            line = record.line()
            self._next_id += 1
            if not self._waiting:
                self._waiting_since = self._clock()
            self._waiting.append((record, line))
            self._ring_bytes += len(line)
            self._waiting_bytes += len(line)
            self._urgent |= severity(level) >= ERROR
            while self._ring_bytes > RING_BYTES:
                self._drop_oldest()
        return record

    def _drop_oldest(self) -> None:
        if self._kept:
            _record, line = self._kept.popleft()
        else:
            _record, line = self._waiting.popleft()
            self._waiting_bytes -= len(line)
            self._lost += 1
        self._ring_bytes -= len(line)

    def tick(self) -> None:
        """Store what is due."""
        now = self._clock()
        with self._ring_lock:
            waited = self._waiting and now - self._waiting_since >= FLUSH_S
            due = waited or self._urgent or self._waiting_bytes >= FLUSH_BYTES
        if due and now >= self._not_before:
            self.flush()

    def flush(self) -> bool:
        """Store everything taken so far; false, and `problem` says why, when the disk does not take it."""
        with self._disk_lock:
            began = self._clock()
            with self._ring_lock:
                entries = list(self._waiting)
                self._urgent = False
            if not entries:
                return not self.problem
            try:
                self._store_or_make_room(entries)
            except OSError as error:
                self._failed(error)
                return False
            self._stored(entries, began)
            return True

    def close(self) -> None:
        """Store everything and let go of the file."""
        self.flush()
        with self._disk_lock:
            self._let_go()

    def recent(
        self,
        after: int = 0,
        *,
        since: float | None = None,
        until: float | None = None,
        level: str | None = None,
        part: str | None = None,
    ) -> list[Record]:
        """The matching records (see `Query`) that are in memory, stored or not, in order of their ids."""
        query = Query(since, until, after, level, part)
        return [record for record in self._in_memory() if query.matches(record)]

    def history(self, query: Query, *, limit: int | None = None, newest_first: bool = False) -> Iterator[Record]:
        """Matching records from the disk and from memory as one, without gaps or repeats."""
        memory = self._in_memory()
        oldest = memory[0].id if memory else self._next_id
        stored = (one for one in reader.select(self._folder, query, newest_first=newest_first) if one.id < oldest)
        held = (one for one in (memory[::-1] if newest_first else memory) if query.matches(one))
        return itertools.islice(itertools.chain(held, stored) if newest_first else itertools.chain(stored, held), limit)

    def _in_memory(self) -> list[Record]:
        with self._ring_lock:
            return [record for record, _line in itertools.chain(self._kept, self._waiting)]

    def _stored(self, entries: Sequence[_Entry], began: float) -> None:
        self._not_before = self._clock() + _PAUSE_S
        with self._ring_lock:
            self._waiting_since = began
            dropped = len(entries)
            while self._waiting and self._waiting[0][0].id <= entries[-1][0].id:
                entry = self._waiting.popleft()
                self._waiting_bytes -= len(entry[1])
                self._kept.append(entry)
                dropped -= 1
            # What left the ring while it was being written is not lost.
            lost, self._lost = self._lost - dropped, 0
        if self.problem:
            self.problem = ""
            self.append("WARNING", "logs", f"records are stored again; {lost} were lost")

    def _store_or_make_room(self, entries: Sequence[_Entry]) -> None:
        try:
            self._store(entries)
        except OSError as error:
            self._take_back()
            if error.errno != errno.ENOSPC or not segments.drop_oldest(self._folder):
                raise
            self._store(entries)

    def _take_back(self) -> None:
        """Let go of what was half written. Readers step over a torn block; this only saves its space."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            self._let_go()

    def _failed(self, error: OSError) -> None:
        self._not_before = self._clock() + _RETRY_S
        self._take_back()
        said, self.problem = self.problem, f"{self._folder}: {error.strerror or error}"
        if not said:
            self.append("WARNING", "logs", f"records cannot be stored and are kept in memory: {self.problem}")

    def _store(self, entries: Sequence[_Entry]) -> None:
        if self._descriptor is not None and os.fstat(self._descriptor).st_nlink == 0:
            self._let_go()
        sequence = self._sequence
        for batch in _batches(entries):
            sequence += 1
            records, lines = zip(*batch, strict=True)
            data = block.encode(sequence, records, lines, self._compressor)
            descriptor = self._segment_for(records[0].id, len(data))
            start = _start(self._size)
            written = 0
            while written < len(data):
                written += os.pwrite(descriptor, data[written:], start + written)
            self._size = start + len(data)
        os.fdatasync(descriptor)
        self._sequence = sequence

    def _segment_for(self, first_id: int, length: int) -> int:
        """A descriptor of the segment that a block of that length goes to: the newest, or a new one."""
        if self._descriptor is not None:
            if self._fits(self._size, length):
                return self._descriptor
            os.fdatasync(self._descriptor)
            self._let_go()
        elif not self._folder.exists():
            self._folder.mkdir(mode=0o700, parents=True)
            atomic.fsync_directory(self._folder.parent)
        elif (newest := segments.listing(self._folder)) and self._fits(newest[-1].stat().st_size, length):
            return self._open(newest[-1])
        # Room is made before it is needed: a full volume could not be written to, and then not cleaned either.
        segments.make_room(self._folder, self._total_bytes, max(self._segment_bytes, length))
        descriptor = self._open(segments.path_of(self._folder, first_id))
        atomic.fsync_directory(self._folder)
        return descriptor

    def _fits(self, size: int, length: int) -> bool:
        return _start(size) + length <= self._segment_bytes

    def _open(self, path: Path) -> int:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._size = os.fstat(descriptor).st_size
        except OSError:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return descriptor

    def _let_go(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _start(size: int) -> int:
    """Where a block begins in a segment of that size.

    What begins in the page that the last one ended in makes the file system write the whole page anew: a page that is
    more than half full is left alone, and a hole, which costs nothing, after it.
    """
    return size if size % _PAGE <= _PAGE // 2 else -(-size // _PAGE) * _PAGE


def _batches(entries: Sequence[_Entry]) -> Iterator[list[_Entry]]:
    """The entries in blocks of at most `FLUSH_BYTES`, or one entry."""
    batch: list[_Entry] = []
    size = 0
    for entry in entries:
        if batch and size + len(entry[1]) > FLUSH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += len(entry[1])
    yield batch
