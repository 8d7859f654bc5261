"""The stream of segments: appends records, finds them, evicts the oldest segment when room is needed.

The segment that is being filled lies in memory and is written in one piece when it is full, so that the flash never
sees part of a page twice, and a crash takes what was in memory, one segment at most. When a segment must go, items in
it that were hit often come back at the head of the stream, the most hit first, up to half a segment; the others are
handed to `forgotten`. A record that straddles belongs to the segment it begins in and goes with it; its rest is dead
until the segments where it lies go, so that at most the end of one record in a segment serves nothing.

`append` and `seal` raise `OSError` when the volume does not take a segment; then its records are lost, everything else
is as before. On a volume that is too full two of the oldest segments are given up for it.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Final

from appliance.storage.cache import segment
from appliance.storage.cache.folder import Folder
from appliance.storage.cache.index import Entry, Index
from appliance.storage.cache.statistics import Counters

HITS_TO_STAY: Final = 3
"""As many as are counted. With one, up to a fifth more is written, and half a percent more hits come of it."""
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_GIVE_UP: Final = 2
"""Segments that are deleted for a new one when the volume holds less than it should."""
_SEGMENTS: Final = 8
"""There may be so many times more segments than full ones would be; closing leaves short ones."""


class SegmentStore:
    """Records in a folder. Not thread-safe; who may write is decided elsewhere."""

    def __init__(
        self,
        folder: Folder,
        capacity_bytes: int,
        segment_bytes: int,
        counters: Counters,
        *,
        written: Callable[[int], None],
        forgotten: Callable[[int], None],
    ) -> None:
        self.index = Index()
        self.file_bytes = 0
        self._folder = folder
        self._capacity = capacity_bytes
        self._segment_bytes = segment_bytes
        self._most = max(_SEGMENTS * capacity_bytes // segment_bytes, 1)
        self._counters = counters
        self._written = written
        self._forgotten = forgotten

        self._files: dict[int, tuple[int, int]] = {}
        """Number -> length of the payload and of the file, oldest first."""
        self._number = 0
        self._payload = bytearray()
        self._listed: list[segment.Listed] = []
        self._returning: list[tuple[int, bytes]] = []
        """Kind and record of items that come back from evicted segments."""

    @property
    def segments(self) -> int:
        return len(self._files)

    def open(self, *, writable: bool) -> None:
        """Find what the folder holds; the writer removes torn segments."""
        numbers = {number: name for name in self._folder.names() if (number := segment.number_of(name)) is not None}
        found: list[segment.Listed] = []
        for number, name in sorted(numbers.items()):
            size, listed = self._survey(number, name)
            if listed is not None:
                tail = segment.TRAILER_BYTES + len(listed) * segment.FOOTER_BYTES
                self._files[number] = (size - tail, size)
                found += listed
            else:
                self._counters.damaged += 1
                if writable:
                    self._clear_away(name)
        self.file_bytes = sum(size for _payload, size in self._files.values())
        self._number = max(numbers, default=0) + 2
        for fingerprint, entry in found:
            # One without its end does not hide an older one.
            if self._is_whole(entry):
                self.index.set(fingerprint, entry)

    def _survey(self, number: int, name: str) -> tuple[int, list[segment.Listed] | None]:
        try:
            size = self._folder.size(name)
            trailer = self._folder.read(name, max(size - segment.TRAILER_BYTES, 0), segment.TRAILER_BYTES)
            length = segment.tail_length(trailer, number, size)
            if length is None:
                return size, None
            return size, segment.listed_in(self._folder.read(name, size - length, length), number)
        except OSError:
            self._counters.read_errors += 1
            return 0, None

    def _clear_away(self, name: str) -> None:
        try:
            self._folder.remove(name)
        except OSError:
            self._counters.write_errors += 1

    def has_free_room(self, length: int) -> bool:
        """Whether a record goes in without an eviction, now or when its segment is written."""
        return self.file_bytes + len(self._payload) + length + self._segment_bytes <= self._capacity

    def load(self, entry: Entry) -> bytes:
        """The bytes of a record, sound or not. Raises `OSError`."""
        number, offset, rest = entry.segment, entry.offset, entry.length
        parts = []
        while rest > 0:
            if number == self._number:
                part = bytes(self._payload[offset : offset + rest])
            else:
                if number not in self._files:
                    return b""
                room = self._files[number][0] - offset
                part = self._folder.read(segment.name_of(number), offset, min(rest, room))
            if not part:
                return b""
            parts.append(part)
            number, offset, rest = number + 1, 0, rest - len(part)
        return b"".join(parts)

    def append(self, kind: int, record: bytes) -> None:
        """Put a record at the head of the stream, and behind it what comes back from segments that went for it."""
        self._append(kind, record)
        while self._returning:
            self._append(*self._returning.pop())

    def _append(self, kind: int, record: bytes) -> None:
        if self._room() <= segment.FOOTER_BYTES + segment.RECORD_BYTES:
            self.seal()
        entry = Entry(self._number, len(self._payload), len(record), kind)
        listed = (segment.fingerprint(segment.digest_of(record)), entry)
        self._listed.append(listed)
        rest = memoryview(record)
        while rest:
            if not self._room():
                self.seal()
            part = rest[: self._room()]
            self._payload += part
            rest = rest[len(part) :]
        self.index.set(*listed)
        self._written(len(record))

    def _room(self) -> int:
        tail = segment.TRAILER_BYTES + len(self._listed) * segment.FOOTER_BYTES
        return self._segment_bytes - len(self._payload) - tail

    def seal(self) -> None:
        """Write the segment in memory, whatever its length, and begin the next one."""
        if not self._payload:
            return
        tail = segment.tail(self._number, len(self._payload), self._listed)
        size = len(self._payload) + len(tail)
        try:
            self._folder.check()
            self._make_room(size)
            self._write(bytes(self._payload) + tail)
        except OSError:
            self._begin(self._number + 1)
            self._returning.clear()
            self.index.discard(lambda entry: not self._is_whole(entry))
            raise
        self._files[self._number] = (len(self._payload), size)
        self.file_bytes += size
        self._begin(self._number + 1)
        self._counters.segments_written += 1
        self._counters.file_bytes += size
        self._written(len(tail))

    def _begin(self, number: int) -> None:
        self._number = number
        self._payload = bytearray()
        self._listed = []

    def _write(self, content: bytes) -> None:
        for chances in reversed(range(_GIVE_UP + 1)):
            try:
                self._folder.write(segment.name_of(self._number), content)
                break
            except OSError as error:
                if error.errno not in _NO_ROOM or not chances or not self._files:
                    raise
                self._evict(returning_bytes=0)

    def _make_room(self, size: int) -> None:
        returning_bytes = self._segment_bytes // 2
        while self._files and (self.file_bytes + size > self._capacity or len(self._files) >= self._most):
            returning_bytes -= self._evict(returning_bytes)

    def _evict(self, returning_bytes: int) -> int:
        """Delete the oldest segment; keep so many bytes of what was hit in it. Returns how many were kept."""
        number = next(iter(self._files))
        items = sorted(self.index.of_segment(number), key=lambda item: (-item[1].hits, item[1].length))
        kept: dict[int, tuple[int, bytes]] = {}
        kept_bytes = 0
        for fingerprint, entry in items:
            if entry.hits >= HITS_TO_STAY and kept_bytes + entry.length <= returning_bytes:
                record = self._load_sound(entry)
                if record:
                    kept[fingerprint] = (entry.kind, record)
                    kept_bytes += len(record)
        self._remove(number)
        for fingerprint, _entry in items:
            self.index.remove(fingerprint)
            if fingerprint not in kept:
                self._forgotten(fingerprint)
        self._returning += kept.values()
        self._counters.segments_evicted += 1
        self._counters.reinserted += len(kept)
        self._counters.reinserted_bytes += kept_bytes
        return kept_bytes

    def _remove(self, number: int) -> None:
        try:
            self._folder.remove(segment.name_of(number))
        except FileNotFoundError:
            self._counters.read_errors += 1
        self.file_bytes -= self._files.pop(number)[1]

    def _load_sound(self, entry: Entry) -> bytes:
        try:
            record = self.load(entry)
        except OSError:
            self._counters.read_errors += 1
            return b""
        if segment.data_of(record) is None:
            self._counters.damaged += 1
            return b""
        return record

    def _is_whole(self, entry: Entry) -> bool:
        """Whether every segment that the record needs is there."""
        number, rest = entry.segment, entry.offset + entry.length
        while True:
            payload = len(self._payload) if number == self._number else self._files.get(number, (0, 0))[0]
            rest -= payload
            if not payload or rest <= 0:
                return bool(payload)
            number += 1
