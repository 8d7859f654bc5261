"""The cache finds no less than one file per item would, whatever is asked of it, even if that has what the cache takes
of memory as room for more files. How often a cache hits does not depend on what it lies on, so this needs no flash;
what it costs the flash, `tests.bench.flash_wear` measures."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from appliance.storage.cache.cache import WINDOW_BYTES
from tests.bench import traces
from tests.bench.flash_wear import caches
from tests.bench.flash_wear.inside import RECORDED
from tests.cache_items import MB, folder_in_memory

TRACES: dict[str, Callable[[], Iterator[traces.Request]]] = {
    "recorded": functools.partial(traces.recorded, RECORDED),
    "drifting": functools.partial(traces.drifting, 1500, alive=250),
}


def hits(way: str, make: Callable[[], Iterator[traces.Request]], capacity: int) -> dict[str, Any]:
    """What is counted after a quarter of the requests."""
    noise, mean_bytes = caches.noise_for(make())
    requests = list(make())
    with folder_in_memory() as place:
        cache = caches.CACHES[way](place / "cache", capacity, mean_bytes)
        for some in (requests[: len(requests) // 4], requests[len(requests) // 4 :]):
            asking = caches.Asking(cache, noise)
            for request in some:
                asking.ask(request)
        cache.close()
    return asking.count


@pytest.mark.parametrize(
    ("trace", "megabytes"), [("recorded", 8), ("recorded", 16), ("recorded", 32), ("recorded", 64), ("drifting", 8)]
)
def test_hits_and_bytes_found_are_no_fewer_than_with_a_file_for_each_item(trace: str, megabytes: int) -> None:
    memory = min(WINDOW_BYTES, megabytes * MB // 8)
    obvious = hits("files", TRACES[trace], megabytes * MB + memory)
    ours = hits("segments", TRACES[trace], megabytes * MB)
    assert ours["wrong"] == 0
    assert ours["hits"] >= obvious["hits"] > 100
    assert ours["hit_bytes"] >= obvious["hit_bytes"]
