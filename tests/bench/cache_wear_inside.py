"""The guest's part of `cache_wear.py`: one trace through several caches, each on a new chip."""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.storage.cache import SegmentCache, store
from tests.bench import simulated_nand, traces
from tests.bench.traces import Request

MOUNT: Final = Path("/tmp/nand")  # noqa: S108
MB: Final = 1024 * 1024
MEAN: Final = 310_000
"""Length of an average object of the synthetic trace."""
SYNC_EVERY: Final = 40
"""Requests after which what was written is on the flash. A box is asked a few times a minute and the kernel writes back
after seconds; at the speed of a benchmark most files would be deleted again before they were ever written."""


class Cache(Protocol):
    def get(self, key: str) -> bytes | None: ...
    def put(self, key: str, data: bytes, *, kind: str) -> bool: ...
    def close(self) -> None: ...


class OneFileEach:
    """The obvious way: a file per item, of which the last N by ctime are kept."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self._folder = folder
        self._most = capacity // MEAN

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

    def __init__(self, folder: Path, capacity: int) -> None:
        import diskcache  # type: ignore[import-untyped]

        self._cache = diskcache.Cache(str(folder / "diskcache"), size_limit=capacity)

    def get(self, key: str) -> bytes | None:
        found: bytes | None = self._cache.get(key)
        return found

    def put(self, key: str, data: bytes, *, kind: str) -> bool:  # noqa: ARG002
        return bool(self._cache.set(key, data))

    def close(self) -> None:
        self._cache.close()


def segment_cache(folder: Path, capacity: int, hits_to_stay: int = store.HITS_TO_STAY) -> SegmentCache:
    store.HITS_TO_STAY = hits_to_stay  # type: ignore[misc]
    chance = random.Random(1).random  # noqa: S311
    return SegmentCache(folder / "segments", capacity, leb_bytes=simulated_nand.LEB_BYTES, chance=chance)


def without_reinsertion(folder: Path, capacity: int) -> SegmentCache:
    return segment_cache(folder, capacity, hits_to_stay=1000)


CACHES: Final[dict[str, Callable[[Path, int], Cache]]] = {
    "files": OneFileEach,
    "diskcache": DiskCache,
    "segments": segment_cache,
    "segments_without_reinsertion": without_reinsertion,
}


def run(cache: Cache, requests: Iterator[Request]) -> dict[str, int]:
    noise = random.Random(1).randbytes(700_000)  # noqa: S311
    count = {"requests": 0, "requested": 0, "hits": 0, "hit_bytes": 0, "admitted": 0, "wrong": 0}
    for request in requests:
        count["requests"] += 1
        if count["requests"] % SYNC_EVERY == 0:
            os.sync()
        count["requested"] += request.length
        data = cache.get(request.key)
        if data is None:
            data = traces.content(request, noise)
            count["admitted"] += len(data) if cache.put(request.key, data, kind=request.kind) else 0
        else:
            count["hits"] += 1
            count["hit_bytes"] += request.length
            count["wrong"] += data != traces.content(request, noise)
    return count


def measured(
    name: str, make: Callable[[], Iterator[Request]], warm_up: int, capacity_mb: int, volume_mb: int, chip_mb: int
) -> dict[str, Any]:
    """A cache's wear from nothing on, and from the time on when all of them are full."""
    parts = {}
    with simulated_nand.volume(chip_mb, volume_mb, MOUNT):
        began = time.monotonic()
        cache = CACHES[name](MOUNT, capacity_mb * MB)
        requests = make()
        first = before = simulated_nand.wear()
        for stage, some in (("cold", itertools.islice(requests, warm_up)), ("warm", requests)):
            count = run(cache, some)
            if stage == "warm":
                cache.close()
            now = simulated_nand.wear()
            parts[stage] = count | {"erases": (now - before).erases, "programmed": (now - before).programmed}
            before = now
        parts["whole"] = {key: parts["cold"][key] + parts["warm"][key] for key in parts["cold"]}
        print(name, first, now, f"{time.monotonic() - began:.0f} s", flush=True)
    return {stage: figures(part) for stage, part in parts.items()}


def figures(part: dict[str, int]) -> dict[str, float]:
    return part | {
        "hit_ratio": round(part["hits"] / part["requests"], 4),
        "erases_per_requested_gb": round(part["erases"] / part["requested"] * 1e9, 1),
        "programmed_per_admitted": round(part["programmed"] / max(part["admitted"], 1), 4),
    }


def reopened(capacity_mb: int, lengths: Callable[[int], int]) -> dict[str, float]:
    """How long it takes to open a full cache, right after the volume is mounted again."""
    noise = random.Random(1).randbytes(700_000)  # noqa: S311
    with simulated_nand.volume(256, capacity_mb * 3 // 2, MOUNT):
        with segment_cache(MOUNT, capacity_mb * MB) as cache:
            number = 0
            while cache.put(f"item {number}", noise[number % 1000 :][: lengths(number)]):
                number += 1
        Path("/proc/sys/vm/drop_caches").write_text("3\n")
        began = time.monotonic()
        with segment_cache(MOUNT, capacity_mb * MB) as cache:
            seconds = time.monotonic() - began
            stats = cache.stats()
    return {
        "items": stats["items"],
        "megabytes": round(stats["stored_bytes"] / MB, 1),
        "seconds": round(seconds, 3),
        "index_bytes_per_item": round(stats["index_bytes"] / stats["items"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--capacity-mb", type=int, required=True)
    parser.add_argument("--skew", type=float, required=True)
    parser.add_argument("--drift", type=float, required=True)
    parser.add_argument("--caches", nargs="*", required=True)
    parser.add_argument("--trace", type=Path)
    parser.add_argument("--reopen-mb", type=int, default=0)
    options = parser.parse_args()

    def make() -> Iterator[Request]:
        if options.trace:
            return traces.recorded(options.trace)
        return traces.drifting(options.requests, skew=options.skew, drift=options.drift)

    found: dict[str, Any] = {"options": {key: str(value) for key, value in vars(options).items()}}

    def note(name: str, value: object) -> None:
        found[name] = value
        Path("/out/facts").write_text(json.dumps(found))

    warm_up = options.requests // 4
    volume_mb = options.capacity_mb * 3 // 2
    chip_mb = min(size for size in simulated_nand.CHIPS if size * 0.9 > volume_mb)
    for name in options.caches:
        note(name, measured(name, make, warm_up, options.capacity_mb, volume_mb, chip_mb))
    if options.reopen_mb:
        note("reopened", reopened(options.reopen_mb, traces.length_of))


if __name__ == "__main__":
    main()
