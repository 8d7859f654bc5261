from __future__ import annotations

import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.storage.budget import WriteBudget
from appliance.storage.cache import KINDS, SegmentCache, read_statistics
from appliance.storage.cache.cache import RETRY_S
from appliance.storage.cache.store import HITS_TO_STAY
from tests.cache_items import KB, MB, fill, present, segments, value
from tests.clock import Clock


def test_what_is_put_is_got_at_once_and_after_a_restart(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        assert cache.get("a") is None
        assert cache.put("a", b"one", kind="features")
        assert cache.put(b"\xff\x00", b"")
        assert cache.get("a") == b"one"
        assert cache.get(b"\xff\x00") == b""
    with SegmentCache(folder, MB) as cache:
        assert cache.get("a") == cache.get(b"a") == b"one"
        assert cache.get(b"\xff\x00") == b""


def test_a_value_that_is_there_is_not_written_again_and_another_one_replaces_it(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        assert cache.put("a", b"one")
        assert cache.put("a", b"one")
        assert cache.stats()["admitted"] == 1
        assert cache.put("a", b"two")
        assert cache.get("a") == b"two"
        assert cache.stats()["items"] == 1
    with SegmentCache(folder, MB) as cache:
        assert cache.get("a") == b"two"


def test_a_record_straddles_as_many_segments_as_it_needs(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        assert cache.stats()["segment_bytes"] == 64 * KB
        fill(cache, range(3), 200 * KB)
        assert present(cache, range(3), 200 * KB) == {0, 1, 2}
        assert cache.stats()["segments"] == 9
    assert {path.stat().st_size for path in segments(folder)[:9]} == {64 * KB}
    with SegmentCache(folder, MB) as cache:
        assert present(cache, range(3), 200 * KB) == {0, 1, 2}


@pytest.mark.parametrize(("leb_bytes", "blocks"), [(129_024, 31), (126_976, 30)])
def test_a_segment_fills_eight_erase_blocks_of_the_volume(folder: Path, leb_bytes: int, blocks: int) -> None:
    with SegmentCache(folder, 100 * MB, leb_bytes=leb_bytes) as cache:
        assert cache.stats()["segment_bytes"] == 8 * blocks * 4096


def test_free_room_is_filled_and_then_only_what_comes_twice_is_taken(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        admitted = [cache.put(f"item {number}", value(number, 10 * KB)) for number in range(200)]
        first_refusal = admitted.index(False)
        assert 85 < first_refusal < 102
        assert not any(admitted[first_refusal:])
        assert cache.put("item 199", value(199, 10 * KB))
        assert cache.stats()["unknown"] >= 200 - first_refusal


def test_the_oldest_go_first_and_those_that_were_hit_often_stay(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        fill(cache, range(80))
        for number in (3, 5):
            for _time in range(HITS_TO_STAY):
                cache.get(f"item {number}")
        cache.get("item 4")
        fill(cache, range(100, 160))
        there = present(cache, range(160))
        assert {3, 5} <= there
        assert 4 not in there
        assert set(range(130, 160)) <= there
        stats = cache.stats()
        assert stats["reinserted"] == 2
        assert stats["stored_bytes"] <= MB
    with SegmentCache(folder, MB) as cache:
        # The last, short segment took the place of the oldest one.
        assert {3, 5} <= (again := present(cache, range(160)))
        assert len(there - again) <= 7


def test_at_most_half_a_segment_comes_back_for_each_that_goes(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        fill(cache, range(80))
        for _time in range(3):
            present(cache, range(80))
        fill(cache, range(100, 200))
        stats = cache.stats()
        assert 0 < stats["reinserted_bytes"] <= stats["segments_evicted"] * 32 * KB


def test_the_folder_never_holds_more_than_the_capacity(folder: Path) -> None:
    source = random.Random(3)  # noqa: S311
    with SegmentCache(folder, MB) as cache:
        for number in range(600):
            key = f"item {source.randrange(60)}"
            if cache.get(key) is None:
                cache.put(key, value(number, source.randrange(1, 100 * KB)))
            assert sum(path.stat().st_size for path in segments(folder)) <= MB
        assert cache.stats()["segments_evicted"] > 10


def test_an_item_that_is_too_large_is_turned_away(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        assert not cache.put("a", bytes(MB // 4))
        assert cache.put("b", bytes(MB // 4 - KB))
        assert cache.stats()["too_large"] == 1
    with SegmentCache(folder / "none", 0) as cache:
        assert not cache.put("a", b"x")


def test_many_short_runs_leave_no_endless_row_of_short_segments(folder: Path) -> None:
    for number in range(300):
        with SegmentCache(folder, MB) as cache:
            fill(cache, range(number, number + 1), 100)
    assert len(segments(folder)) <= 8 * 16
    with SegmentCache(folder, MB) as cache:
        assert len(present(cache, range(300), 100)) >= 100


def test_statistics_by_kind(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        cache.get("x", kind="frame")
        cache.put("x", bytes(100), kind="frame")
        cache.get("x")
        cache.put("y", bytes(10), kind="landmarks")
        cache.get("z", kind="landmarks")
        cache.put("w", b"?", kind="a kind of tomorrow")
        stats = cache.stats()
        frame, landmarks = stats["kinds"]["frame"], stats["kinds"]["landmarks"]
        assert (frame["hits"], frame["misses"], frame["hit_bytes"], frame["items"], frame["bytes"]) == (
            1,
            1,
            100,
            1,
            100,
        )
        assert (landmarks["hits"], landmarks["misses"], landmarks["admitted_bytes"]) == (0, 1, 10)
        assert stats["kinds"]["other"]["items"] == 1
        assert (stats["hits"], stats["misses"], stats["items"], stats["bytes"]) == (1, 2, 3, 111)
        assert set(stats["kinds"]) == set(KINDS)


def test_statistics_ghosts_and_budget_outlive_the_process(folder: Path, clock: Clock) -> None:
    budget = WriteBudget(240 * MB, clock=clock)
    with SegmentCache(folder, MB, budget, clock=clock, chance=lambda: 0.0) as cache:
        fill(cache, range(120))
        assert not cache.put("a ghost", b"boo")
        stats = cache.stats()
    assert read_statistics(folder)["admitted"] == stats["admitted"]
    again = WriteBudget(240 * MB, clock=clock)
    with SegmentCache(folder, MB, again, clock=clock, chance=lambda: 0.0) as cache:
        assert cache.stats()["admitted"] == stats["admitted"]
        assert again.probability() == pytest.approx(budget.probability(), rel=0.01)
        assert again.probability() < 0.9
        assert cache.put("a ghost", b"boo")
    assert read_statistics(folder / "nothing") == {}


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_cache_takes_at_once_what_is_dear_to_make(folder: Path, kind: str) -> None:
    with SegmentCache(folder, MB) as cache:
        fill(cache, range(200))
        assert cache.put("new", b"x", kind=kind) == (kind in ("landmarks", "features", "motion"))
        assert cache.put("new", b"x", kind=kind)


def test_a_kind_with_more_weight_is_admitted_more_often_when_the_budget_binds(folder: Path, clock: Clock) -> None:
    budget = WriteBudget(12 * MB, clock=clock)
    source = random.Random(1)  # noqa: S311
    with SegmentCache(folder, MB, budget, clock=clock, chance=source.random) as cache:
        for number in range(20_000):
            clock.now += 2
            kind = ("landmarks", "fragment")[number % 2]
            key = f"{number // 4 % 300} {kind}"
            if cache.get(key, kind=kind) is None:
                cache.put(key, bytes(5000), kind=kind)
        kinds = cache.stats()["kinds"]
    share = {
        kind: kinds[kind]["admitted"] / (kinds[kind]["admitted"] + kinds[kind]["over_budget"])
        for kind in kinds
        if kinds[kind]["puts"]
    }
    assert share["landmarks"] > 2 * share["fragment"] > 0


def test_a_second_process_reads_and_becomes_the_writer_when_the_first_is_gone(folder: Path, clock: Clock) -> None:
    first = SegmentCache(folder, MB)
    fill(first, range(20))
    with SegmentCache(folder, MB, clock=clock) as second:
        there = present(second, range(20))
        assert {0, 1, 2, 3, 4, 5} <= there < set(range(20))
        assert not second.put("mine", b"x")
        assert second.stats()["problem"] == "another process writes to it"
        assert second.stats()["unwritable"] == 1
        first.close()
        assert not second.put("mine", b"x")
        clock.now += RETRY_S
        assert second.put("mine", b"x")
        assert second.stats()["problem"] == ""
        assert present(second, range(20)) == set(range(20))


def test_a_real_second_process_is_kept_out(folder: Path) -> None:
    code = f"from appliance.storage.cache import SegmentCache as S; print(S({str(folder)!r}, 1 << 20).put('k', b'v'))"
    with SegmentCache(folder, MB):
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "False\n"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "True\n"


def test_a_killed_process_leaves_what_it_had_written_and_a_free_lock(folder: Path) -> None:
    code = f"""
import os, random, signal
from appliance.storage.cache import SegmentCache
cache = SegmentCache({str(folder)!r}, 1 << 20)
for number in range(60):
    cache.put(f"item {{number}}", random.Random(number).randbytes(10240))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", code], check=False)
    with SegmentCache(folder, MB) as cache:
        assert present(cache, range(60)) >= set(range(50))
        assert cache.put("k", b"v")


def test_a_closed_cache_has_nothing_and_takes_nothing(folder: Path) -> None:
    cache = SegmentCache(folder, MB)
    cache.put("a", b"one")
    cache.close()
    cache.close()
    assert cache.get("a") is None
    assert not cache.put("a", b"one")


def test_a_cache_that_was_not_asked_anything_writes_nothing(folder: Path) -> None:
    with SegmentCache(folder, MB):
        pass
    assert [path.name for path in folder.iterdir()] == ["lock"]


def test_many_threads(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        wrong: list[int] = []

        def work(seed: int) -> None:
            source = random.Random(seed)  # noqa: S311
            for _time in range(300):
                number = source.randrange(150)
                data = cache.get(f"item {number}")
                if data is None:
                    cache.put(f"item {number}", value(number, 10 * KB))
                elif data != value(number, 10 * KB):
                    wrong.append(number)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not wrong
        assert cache.stats()["hits"] > 100
        assert cache.stats()["damaged"] == 0
