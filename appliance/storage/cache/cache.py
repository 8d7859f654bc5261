"""`SegmentCache`: what may vanish at any time, kept where writing costs life.

Keys are content hashes, text or bytes; a value is what was once put under its key or a miss, never anything else. `put`
answers whether the value was admitted (`Admission`). One that was not is in memory for a while and served from there:
the last `WINDOW_BYTES`, or an eighth of the capacity if that is less.

Nothing raises in here. A volume that is full, read-only, gone, or in the hands of another process turns puts away; what
can still be read is still served; `stats()["problem"]` says what is wrong, and every half minute a put looks again. One
process writes (a lock in the folder). Another one may open the same folder, reads what was there then, and tries to
become the writer in the same way. What a process that opens nothing sees of the statistics is `read_statistics`.

Any number of threads may use a cache; one at a time is served. A crash loses what was put last, a segment at most.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from appliance.storage.budget import WriteBudget
from appliance.storage.cache import segment
from appliance.storage.cache.admission import Admission
from appliance.storage.cache.folder import Folder
from appliance.storage.cache.index import Entry
from appliance.storage.cache.statistics import (
    KINDS,
    STATE,
    STATE_EVERY,
    Counters,
    KindCounters,
    encode_state,
    load_state,
    with_totals,
)
from appliance.storage.cache.store import SegmentStore

SEGMENT_BYTES: Final = 1024 * 1024
SEGMENT_LEBS: Final = 8
RETRY_S: Final = 30.0
WINDOW_BYTES: Final = 4 * 1024 * 1024
"""RAM for what was turned away lately, some ten seconds of video: a hundredth of what a render may take (500 MB)."""
_WINDOW_SHARE: Final = 8
_BLOCK: Final = 4096
_NODE_BYTES: Final = _BLOCK + 48
"""A block of a file as UBIFS stores it, in one piece and in one LEB: struct ubifs_data_node before its data."""
_KINDS: Final = tuple(KINDS)


class SegmentCache:
    """The cache in the directory `path`, of at most `capacity_bytes` in files.

    `leb_bytes` is the size of the volume's logical erase blocks, where it has them; a segment is what UBIFS puts into
    eight, so that eight are free when it goes. Without a `budget` everything is written that deserves to be.
    """

    def __init__(
        self,
        path: Path | str,
        capacity_bytes: int,
        budget: WriteBudget | None = None,
        *,
        leb_bytes: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
        folder: Callable[[Path], Folder] = Folder,
    ) -> None:
        self._path = Path(path)
        self._capacity = capacity_bytes
        usual = SEGMENT_LEBS * (leb_bytes // _NODE_BYTES) * _BLOCK if leb_bytes else SEGMENT_BYTES
        self._segment_bytes = max(min(usual, capacity_bytes // 16 // _BLOCK * _BLOCK), _BLOCK)
        self._largest = min(capacity_bytes // 4, 16 * self._segment_bytes)
        self._admission = Admission(min(WINDOW_BYTES, capacity_bytes // _WINDOW_SHARE), budget, chance)
        self._clock = clock
        self._make_folder = folder
        self._lock = threading.Lock()
        self._counters = Counters()
        self._state_due = 0
        self._asked = False
        self._restored = False
        self._open()

    def _open(self) -> None:
        """Become the writer if possible, and find what there is."""
        self._closed = False
        self._writable = False
        self._problem = ""
        self._retry_at = self._clock() + RETRY_S
        self._folder = self._make_folder(self._path)
        self._store = SegmentStore(
            self._folder,
            self._capacity,
            self._segment_bytes,
            self._counters,
            written=self._admission.spend,
            forgotten=self._admission.forget,
        )
        try:
            self._writable = self._folder.lock()
            if not self._writable:
                self._problem = "another process writes to it"
        except OSError as error:
            self._problem = error.strerror or str(error)
        try:
            if self._writable:
                self._folder.sweep()
            self._restore(load_state(self._folder))
            self._store.open(writable=self._writable)
        except OSError as error:
            self._counters.read_errors += 1
            self._writable = False
            self._problem = self._problem or error.strerror or str(error)

    def _restore(self, state: dict[str, Any]) -> None:
        if self._restored or not self._writable:
            return
        self._restored = True
        self._counters.restore(state.get("statistics"))
        self._admission.restore(state)
        self._state_due = self._counters.segments_written + STATE_EVERY

    def get(self, key: str | bytes, *, kind: str = "other") -> bytes | None:
        """The value, or None. The kind only says where it is counted if it is not on the volume."""
        with self._lock:
            self._asked = True
            digest = segment.digest(key)
            entry = self._store.index.get(segment.fingerprint(digest))
            data = self._load(digest, entry) if entry else None
            if entry and data is not None:
                self._store.index.hit(segment.fingerprint(digest))
                counters = self._counters.kinds[_kind_name(entry.kind)]
            else:
                counters = self._counters.kinds[kind if kind in KINDS else "other"]
                data = self._admission.window.get(digest)
                counters.memory_hits += data is not None
            if data is None:
                counters.misses += 1
                return None
            counters.hits += 1
            counters.hit_bytes += len(data)
            return data

    def put(self, key: str | bytes, data: bytes, *, kind: str = "other") -> bool:
        """Offer a value; whether it was admitted."""
        with self._lock:
            self._asked = True
            kind = kind if kind in KINDS else "other"
            counters = self._counters.kinds[kind]
            counters.puts += 1
            if not self._writable and not self._closed and self._clock() >= self._retry_at:
                self._folder.unlock()
                self._open()
            digest = segment.digest(key)
            entry = self._store.index.get(segment.fingerprint(digest))
            if entry and self._load(digest, entry) == data:
                return True
            # What is under that key is something else, or broken: better a miss.
            self._store.index.remove(segment.fingerprint(digest))
            held = self._admission.window.take(digest)
            if self._closed or not self._writable:
                counters.unwritable += 1
                return False
            length = len(data) + segment.RECORD_BYTES
            if length > self._largest:
                counters.too_large += 1
                return False
            proven = entry is not None or held is not None or self._store.has_free_room(length)
            if not self._admission.admits(segment.fingerprint(digest), kind, counters, proven=proven):
                self._admission.hold(digest, data)
                return False
            return self._append(digest, data, kind, counters)

    def _append(self, digest: bytes, data: bytes, kind: str, counters: KindCounters) -> bool:
        try:
            self._store.append(_KINDS.index(kind), segment.record_head(digest, data) + data)
        except OSError as error:
            self._failed(error)
            counters.unwritable += 1
            return False
        counters.admitted += 1
        counters.admitted_bytes += len(data)
        if self._counters.segments_written >= self._state_due:
            self._save()
        return True

    def _load(self, digest: bytes, entry: Entry) -> bytes | None:
        """The data of an entry; one that is broken is forgotten."""
        try:
            data = segment.data_of(self._store.load(entry), digest)
            self._counters.damaged += data is None
        except OSError:
            data = None
            self._counters.read_errors += 1
        if data is None:
            self._store.index.remove(segment.fingerprint(digest))
        return data

    def _failed(self, error: OSError) -> None:
        self._counters.write_errors += 1
        self._writable = False
        self._problem = error.strerror or str(error)
        self._retry_at = self._clock() + RETRY_S

    def _save(self) -> None:
        """Store what shall outlive the process; on the way, fit the ghosts to the number of items."""
        self._admission.fit(len(self._store.index))
        content = encode_state({"statistics": self._stats()} | self._admission.dump())
        self._state_due = self._counters.segments_written + STATE_EVERY
        try:
            self._folder.check()
            self._folder.replace(STATE, content)
        except OSError as error:
            self._failed(error)
        self._counters.file_bytes += len(content)
        self._admission.spend(len(content))

    def stats(self) -> dict[str, Any]:
        """Everything that is counted, in all and in `kinds`, as JSON; counters go on over a restart."""
        with self._lock:
            return self._stats()

    def _stats(self) -> dict[str, Any]:
        shown = with_totals(self._counters)
        for name in KINDS:
            shown["kinds"][name] |= {"items": 0, "bytes": 0}
        for _fingerprint, entry in self._store.index.walk():
            kind = shown["kinds"][_kind_name(entry.kind)]
            kind["items"] += 1
            kind["bytes"] += entry.length - segment.RECORD_BYTES
        return shown | {
            "items": len(self._store.index),
            "bytes": sum(kind["bytes"] for kind in shown["kinds"].values()),
            "segments": self._store.segments,
            "stored_bytes": self._store.file_bytes,
            "capacity_bytes": self._capacity,
            "segment_bytes": self._segment_bytes,
            "index_bytes": self._store.index.memory,
            "window_bytes": self._admission.window.memory,
            "ghosts": self._admission.ghosts.capacity,
            "budget_bytes_per_day": self._admission.budget.bytes_per_day if self._admission.budget else None,
            "admission": self._admission.probability(),
            "problem": self._problem,
        }

    def close(self) -> None:
        """Write what is in memory and let another process be the writer. After that everything is a miss."""
        with self._lock:
            if self._closed:
                return
            self._admission.empty()
            if self._writable and self._asked:
                try:
                    self._store.seal()
                    self._save()
                except OSError as error:
                    self._failed(error)
            self._closed = True
            self._writable = False
            self._store.index.discard(lambda _entry: True)
            self._folder.unlock()

    def __enter__(self) -> SegmentCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _kind_name(number: int) -> str:
    return _KINDS[number] if number < len(_KINDS) else "other"
