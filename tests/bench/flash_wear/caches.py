"""What a cache costs the flash, and how fast a full one opens. Runs in the guest."""

from __future__ import annotations

import functools
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.storage.cache import SegmentCache, store
from tests.bench import simulated_nand, traces
from tests.bench.simulated_nand import LEB_BYTES, Wear
from tests.bench.traces import Request

MB: Final = 1024 * 1024
BATCH: Final = 40
"""Requests after which the kernel has written back. A box is asked a few times a minute; at the speed of a benchmark
most of what is written would be deleted again before it ever reached the flash."""
_MOUNT: Final = Path("/tmp/nand")  # noqa: S108


class Cache(Protocol):
    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, data: bytes, *, kind: str) -> bool: ...
    def close(self) -> None: ...


class OneFileEach:
    """The obvious way: a file per item, of which the last N by ctime are kept, N of average length."""

    def __init__(self, folder: Path, capacity: int, mean_bytes: int) -> None:
        folder.mkdir()
        self._folder = folder
        self._most = capacity // mean_bytes

    def get(self, key: str) -> bytes | None:
        try:
            return (self._folder / key).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, key: str, data: bytes, *, kind: str) -> bool:  # noqa: ARG002
        # Cleaned before it is written: the other way round it dies on a full volume.
        entries = sorted(
            (entry.stat().st_ctime_ns, entry.path) for entry in os.scandir(self._folder) if entry.is_file()
        )
        for _ctime, path in entries[: max(len(entries) - self._most + 1, 0)]:
            Path(path).unlink()
        try:
            (self._folder / key).write_bytes(data)
        except OSError:  # no room: this many large ones were not foreseen
            (self._folder / key).unlink()
            return False
        return True

    def close(self) -> None:
        pass


class DiskCache:
    """diskcache as it comes."""

    def __init__(self, folder: Path, capacity: int, mean_bytes: int) -> None:  # noqa: ARG002
        import diskcache  # type: ignore[import-untyped]

        self._cache = diskcache.Cache(str(folder), size_limit=capacity)

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._cache.get(key)
        return found

    def put(self, key: str, data: bytes, *, kind: str) -> bool:  # noqa: ARG002
        return bool(self._cache.set(key, data))

    def close(self) -> None:
        self._cache.close()


def segments(folder: Path, capacity: int, mean_bytes: int, hits_to_stay: int = store.HITS_TO_STAY) -> SegmentCache:  # noqa: ARG001
    """The box's own."""
    store.HITS_TO_STAY = hits_to_stay  # type: ignore[misc]
    return SegmentCache(folder, capacity, leb_bytes=LEB_BYTES, chance=random.Random(1).random)  # noqa: S311


CACHES: Final[dict[str, Callable[[Path, int, int], Cache]]] = {
    "files": OneFileEach,
    "diskcache": DiskCache,
    "segments": segments,
    "segments_without_reinsertion": functools.partial(segments, hits_to_stay=1000),
}


class Asking:
    """Somebody who asks a cache for one thing after the other, and makes what it does not have."""

    def __init__(self, cache: Cache, noise: bytes) -> None:
        self._cache = cache
        self._noise = noise
        self.count = dict.fromkeys(("requests", "requested", "hits", "hit_bytes", "admitted", "wrong"), 0)

    def ask(self, request: Request) -> None:
        count, data = self.count, self._cache.get(request.key)
        count["requests"] += 1
        count["requested"] += request.length
        made = traces.content(request, self._noise)
        if data is None:
            count["admitted"] += len(made) if self._cache.put(request.key, made, kind=request.kind) else 0
        else:
            count["hits"] += 1
            count["hit_bytes"] += len(data)
            count["wrong"] += data != made


def noise_for(requests: Iterator[Request]) -> tuple[bytes, int]:
    """Bytes as many as the largest object has, and how many an average one has."""
    lengths = {request.key: request.length for request in requests}
    return random.Random(1).randbytes(max(lengths.values())), sum(lengths.values()) // len(lengths)  # noqa: S311


def wear_of(name: str, make: Callable[[], Iterator[Request]], *, capacity_mb: int) -> dict[str, Any]:
    """What one cache does with the requests on a new chip: while all of them fill up (`cold`), later, and in all."""
    volume_mb = capacity_mb * 3 // 2
    chip_mb = min(size for size in simulated_nand.CHIPS if size * 0.9 > volume_mb)
    noise, mean_bytes = noise_for(make())
    total = sum(1 for _request in make())
    parts = {}
    with simulated_nand.volume(chip_mb, volume_mb, _MOUNT):
        cache = CACHES[name](_MOUNT / "cache", capacity_mb * MB, mean_bytes)
        requests = make()
        before = simulated_nand.wear()
        for stage, some in (("cold", itertools.islice(requests, total // 4)), ("warm", requests)):
            asking = Asking(cache, noise)
            for number, request in enumerate(some):
                if number % BATCH == 0:
                    simulated_nand.written_back()
                asking.ask(request)
            if stage == "warm":
                cache.close()
            now = simulated_nand.wear()
            parts[stage] = asking.count | _as_dict(now - before)
            before = now
    parts["whole"] = {key: parts["cold"][key] + parts["warm"][key] for key in parts["cold"]}
    return {stage: _with_ratios(part) for stage, part in parts.items()}


def _as_dict(wear: Wear) -> dict[str, int]:
    return {"erases": wear.erases, "programmed": wear.programmed}


def _with_ratios(part: dict[str, int]) -> dict[str, float]:
    return part | {
        "hit_ratio": round(part["hits"] / part["requests"], 4),
        "erases_per_requested_gb": round(part["erases"] / part["requested"] * 1e9, 1),
        "programmed_per_admitted": round(part["programmed"] / max(part["admitted"], 1), 4),
    }


def reopened(capacity_mb: int, length_of: Callable[[int], int]) -> dict[str, float]:
    """How long it takes to open a full cache after a restart, with nothing of it in the kernel's memory.

    The quickest of five: what is slower than that is something else's doing.
    """
    noise = random.Random(1).randbytes(700_000)  # noqa: S311
    with simulated_nand.chip(256, capacity_mb * 3 // 2):
        with simulated_nand.mounted(_MOUNT), segments(_MOUNT / "cache", capacity_mb * MB, 0) as cache:
            number = 0
            while cache.put(f"item {number}", noise[number % 1000 :][: length_of(number)]):
                number += 1
        seconds = []
        for _time in range(5):
            simulated_nand.attach_again()
            with simulated_nand.mounted(_MOUNT):
                Path("/proc/sys/vm/drop_caches").write_text("3\n")
                began = time.monotonic()
                with segments(_MOUNT / "cache", capacity_mb * MB, 0) as cache:
                    seconds.append(time.monotonic() - began)
                    stats = cache.stats()
    return {
        "items": stats["items"],
        "put": number,
        "megabytes": round(stats["stored_bytes"] / MB, 1),
        "seconds": round(min(seconds), 3),
        "slowest": round(max(seconds), 3),
        "index_bytes_per_item": round(stats["index_bytes"] / stats["items"], 1),
    }
