"""Power cuts at every change that the cache makes to the disk.

`CutFolder` counts the changes and cuts the power at one of them, before it, halfway through it, or after it. Then the
disk is what a journalling file system may leave: names that were made or removed since they were last synced may be
back or gone, and the content of a file that was never synced may be short or full of zeros.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.storage.cache import SegmentCache
from appliance.storage.cache.folder import LOCK, Folder
from appliance.storage.cache.statistics import STATE
from tests.cache_items import KB, folder_in_memory, segments, value

CAPACITY = 256 * KB
LENGTHS = (1_000, 6_000, 9_000, 20_000, 40_000)


class PowerCutError(BaseException):
    """Nothing runs after it."""


class CutFolder(Folder):
    """A real folder on a disk whose power goes at the change number `cut_at`."""

    def __init__(self, path: Path, graveyard: Path, cut_at: int, source: random.Random) -> None:
        super().__init__(path)
        self._graveyard = graveyard
        self._cut_at = cut_at
        self._source = source
        self._unsynced: set[Path] = set()
        self._open: dict[int, Path] = {}
        self.changes = 0

    def _change(self, half: Callable[[], object] | None = None) -> None:
        """Count a change that is about to be made; if the power goes, perhaps when half of it is made."""
        self.changes += 1
        if self.changes == self._cut_at:
            if half and self._source.random() < 0.7:
                half()
            self._lose()
            raise PowerCutError

    def _lose(self) -> None:
        """Leave of what was not synced what a power cut may leave."""
        for path in self._unsynced:
            content = bytearray(path.read_bytes())
            start, end = sorted(self._source.randrange(len(content) + 1) for _ in range(2))
            if self._source.random() < 0.5:
                content[start:end] = bytes(end - start)
            else:
                del content[start:]
            path.write_bytes(content)
            if self._source.random() < 0.3:
                path.unlink()
        for buried in self._graveyard.iterdir():
            if self._source.random() < 0.5:
                shutil.copy(buried, self.path)

    def _create(self, name: str) -> int:
        self._change()
        handle = super()._create(name)
        self._open[handle] = self.path / name
        self._unsynced.add(self.path / name)
        return handle

    def _write(self, handle: int, content: memoryview) -> int:
        self._change(lambda: os.write(handle, content[: self._source.randrange(len(content))]))
        # The system may take less than it is given.
        return super()._write(handle, content[:10_000])

    def _sync(self, handle: int) -> None:
        self._change()
        super()._sync(handle)
        self._unsynced.discard(self._open[handle])
        for buried in self._graveyard.iterdir():
            buried.unlink()

    def _replace(self, name: str, content: bytes) -> None:
        self._change(lambda: (self.path / ".tmp-0123").write_bytes(content[: self._source.randrange(len(content))]))
        super()._replace(name, content)

    def _unlink(self, name: str) -> None:
        self._change()
        shutil.copy(self.path / name, self._graveyard / name)
        super()._unlink(name)


class Work:
    """Two runs of a cache with everything in them: straddling, eviction, reinsertion, replacement, restart."""

    def __init__(self, place: Path, cut_at: int) -> None:
        self.folder = place / "cache"
        self._graveyard = place / "graveyard"
        self._graveyard.mkdir()
        self._source = random.Random(cut_at)  # noqa: S311
        self._cut_at = cut_at
        self.disk: CutFolder | None = None
        self.ever: dict[str, set[bytes]] = {}

    def _make(self, path: Path) -> Folder:
        before = self.disk.changes if self.disk else 0
        self.disk = CutFolder(path, self._graveyard, self._cut_at, self._source)
        self.disk.changes = before
        return self.disk

    def run(self) -> None:
        source = random.Random(5)  # noqa: S311
        for _run in range(2):
            cache = SegmentCache(self.folder, CAPACITY, folder=self._make)
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
            assert self.disk
            self.disk.unlock()
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
