"""Power cuts at every change that the cache makes to the disk.

The power goes before a change or halfway through it; what the disk is then like, `tests.cache_folders` says.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from appliance.storage.cache import SegmentCache
from appliance.storage.cache.folder import LOCK
from appliance.storage.cache.statistics import STATE
from tests.cache_folders import Disk, PowerCutError
from tests.cache_items import KB, folder_in_memory, segments, value

CAPACITY = 256 * KB
LENGTHS = (1_000, 6_000, 9_000, 20_000, 40_000)


class Work:
    """Two runs of a cache with everything in them: straddling, eviction, reinsertion, replacement, restart."""

    def __init__(self, place: Path, cut_at: int) -> None:
        self.folder = place / "cache"
        graveyard = place / "graveyard"
        graveyard.mkdir()
        self._disk = Disk(graveyard, random.Random(cut_at), cut_at)  # noqa: S311
        self.ever: dict[str, set[bytes]] = {}

    def run(self) -> None:
        source = random.Random(5)  # noqa: S311
        for _run in range(2):
            cache = SegmentCache(self.folder, CAPACITY, folder=self._disk.folder)
            for _step in range(150):
                number = source.randrange(24)
                key, length = f"item {number}", LENGTHS[number % len(LENGTHS)]
                data = cache.get(key)
                if data is None or source.random() < 0.1:
                    data = value(source.randrange(3), length)
                    self.ever.setdefault(key, set()).add(data)
                    cache.put(key, data)
            cache.close()

    def cut_off(self) -> bool:
        """Whether the power went before the work was done."""
        try:
            self.run()
        except PowerCutError:
            return True
        return False

    def check(self) -> None:
        """Nothing is wrong, and the cache works."""
        for _again in range(2):
            with SegmentCache(self.folder, CAPACITY) as cache:
                for key, values in self.ever.items():
                    assert cache.get(key) in values | {None}
                for number in range(12):
                    data = value(number, 5_000)
                    if not cache.put(f"new {number}", data):
                        assert cache.put(f"new {number}", data)
                    assert cache.get(f"new {number}") == data
                assert cache.stats()["problem"] == ""
            assert sum(path.stat().st_size for path in segments(self.folder)) <= CAPACITY
        names = {path.name for path in self.folder.iterdir()} - {path.name for path in segments(self.folder)}
        assert names == {LOCK, STATE}


PARTS = 4


@pytest.mark.parametrize("part", range(PARTS))
def test_a_power_cut_at_any_change_leaves_a_working_cache_and_no_wrong_value(part: int) -> None:
    cuts = 0
    while True:
        with folder_in_memory() as place:
            work = Work(place, cut_at=1 + part + PARTS * cuts)
            if not work.cut_off():
                break
            work.check()
        cuts += 1
    assert cuts >= 80


def test_what_was_written_before_the_cut_is_there_after_it() -> None:
    """A cache that comes back empty would pass the test above."""
    with folder_in_memory() as place:
        work = Work(place, cut_at=300)
        assert work.cut_off()
        with SegmentCache(work.folder, CAPACITY) as cache:
            assert sum(cache.get(key) is not None for key in work.ever) >= 5
