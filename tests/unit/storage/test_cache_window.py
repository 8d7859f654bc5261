"""What was turned away is served from memory for a while, and no more memory than promised."""

from __future__ import annotations

import random
import sys
import tracemalloc
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from appliance.storage.budget import WriteBudget
from appliance.storage.cache import SegmentCache
from appliance.storage.cache.cache import WINDOW_BYTES
from appliance.storage.cache.window import OVERHEAD, Window
from tests.cache_items import KB, MB, fill, present, value
from tests.clock import Clock

DIGESTS = [bytes([number]) * 16 for number in range(8)]


@given(st.lists(st.tuples(st.sampled_from(["hold", "take"]), st.sampled_from(DIGESTS), st.integers(0, 3 * KB))))
def test_the_window_is_a_queue_of_so_many_bytes(steps: list[tuple[str, bytes, int]]) -> None:
    window, model = Window(4 * KB), dict[bytes, bytes]()
    for step, digest, length in steps:
        before = model.pop(digest, None)
        if step == "take":
            assert window.take(digest) == before
        else:
            model[digest] = bytes(length)
            gone = []
            while sum(len(data) + OVERHEAD for data in model.values()) > 4 * KB:
                gone.append(next(iter(model)))
                del model[gone[-1]]
            assert window.hold(digest, bytes(length)) == gone
        assert [window.get(one) for one in DIGESTS] == [model.get(one) for one in DIGESTS]
        assert window.memory == sum(len(data) + OVERHEAD for data in model.values()) <= 4 * KB
        assert len(window) == len(model)
    assert window.emptied() == list(model)
    assert (len(window), window.memory) == (0, 0)


def test_the_window_takes_no_more_memory_than_it_says() -> None:
    window = Window(MB)
    tracemalloc.start()
    try:
        for number in range(20_000):
            window.hold(number.to_bytes(16, "big"), bytes(number % 300))
        assert tracemalloc.get_traced_memory()[0] <= MB
    finally:
        tracemalloc.stop()
    assert len(window) > 1000


def full(folder: Path) -> SegmentCache:
    store = SegmentCache(folder, MB)
    fill(store, range(100))
    return store


def test_what_was_turned_away_is_served_from_memory_and_nothing_is_written(folder: Path) -> None:
    with full(folder) as store:
        before = store.stats()
        assert not store.put("new", b"!", kind="fragment")
        assert [store.get("new") for _time in range(5)] == [b"!"] * 5
        after = store.stats()
        assert after["file_bytes"] == before["file_bytes"]
        assert after["admitted"] == before["admitted"]
        assert after["memory_hits"] == 5
        assert after["window_bytes"] == 1 + OVERHEAD


def test_it_is_in_memory_until_an_eighth_of_the_capacity_came_after_it(folder: Path) -> None:
    with full(folder) as store:
        for number in range(200, 230):
            assert not store.put(f"item {number}", value(number, 10 * KB))
        assert present(store, range(200, 230)) == set(range(218, 230))
        assert store.stats()["window_bytes"] <= MB // 8


def test_the_largest_cache_holds_four_megabytes_in_memory(folder: Path, clock: Clock) -> None:
    with SegmentCache(folder, 1000 * MB, WriteBudget(0, clock=clock), clock=clock) as store:
        fill(store, range(20), 512 * KB)
        assert present(store, range(20), 512 * KB) == set(range(13, 20))
        assert 3 * MB < store.stats()["window_bytes"] <= WINDOW_BYTES == 4 * MB


def test_who_left_the_memory_is_admitted_when_it_comes_again(folder: Path) -> None:
    with full(folder) as store:
        assert not store.put("new", value(1, 10 * KB))
        store.get("new")
        for number in range(200, 214):
            store.put(f"item {number}", value(number, 10 * KB))
        assert store.get("new") is None
        assert store.put("new", value(1, 10 * KB))
    with SegmentCache(folder, MB) as store:
        assert store.get("new") == value(1, 10 * KB)


def test_what_the_memory_held_at_the_end_is_known_to_the_next_process(folder: Path) -> None:
    with full(folder) as store:
        assert not store.put("new", b"!")
    with SegmentCache(folder, MB) as store:
        assert store.get("new") is None
        assert store.put("new", b"!")


def test_what_is_put_twice_is_admitted_and_in_memory_no_longer(folder: Path) -> None:
    with full(folder) as store:
        assert not store.put("new", b"!")
        assert store.put("new", b"?")
        assert store.get("new") == b"?"
        assert store.stats()["window_bytes"] == 0


def test_what_the_budget_refuses_is_served_from_memory(folder: Path, clock: Clock) -> None:
    with SegmentCache(folder, MB, WriteBudget(0, clock=clock), clock=clock) as store:
        assert not store.put("dear", b"!", kind="landmarks")
        assert store.get("dear") == b"!"
        assert store.stats()["over_budget"] == 1


def test_what_is_too_large_is_not_held(folder: Path) -> None:
    with full(folder) as store:
        assert not store.put("new", b"old")
        assert not store.put("new", bytes(MB // 4))
        assert store.get("new") is None


def test_a_closed_cache_holds_nothing(folder: Path) -> None:
    store = full(folder)
    data = random.Random(1).randbytes(KB)  # noqa: S311
    references = sys.getrefcount(data)
    assert not store.put("new", data)
    assert sys.getrefcount(data) > references
    store.close()
    assert sys.getrefcount(data) == references
