"""What goes wrong with the volume, and damage to every byte."""

from __future__ import annotations

import errno
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.storage.cache import SegmentCache
from appliance.storage.cache.cache import RETRY_S
from appliance.storage.cache.folder import Folder
from tests.cache_items import KB, MB, fill, present, segments, value
from tests.clock import Clock


class FailingFolder(Folder):
    """A real folder whose changes fail with `error` while it is set."""

    error = 0
    partly = False

    def _write(self, handle: int, content: memoryview) -> int:
        if self.error:
            if self.partly:
                os.write(handle, content[: len(content) // 2])
            raise OSError(self.error, os.strerror(self.error))
        return super()._write(handle, content)


@pytest.mark.parametrize("partly", [False, True])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_a_volume_that_fails_turns_puts_away_and_is_tried_again(
    folder: Path, clock: Clock, number: int, partly: bool
) -> None:
    made: list[FailingFolder] = []

    def make(path: Path) -> Folder:
        made.append(FailingFolder(path))
        return made[-1]

    cache = SegmentCache(folder, MB, clock=clock, folder=make)
    fill(cache, range(40))
    whole = 6 * (len(segments(folder)) - 2)
    made[-1].error, made[-1].partly = number, partly
    fill(cache, range(100, 140))
    stats = cache.stats()
    assert stats["problem"] == os.strerror(number)
    assert stats["write_errors"] == 1
    assert stats["unwritable"] > 60
    # What can still be read is served; a full volume cost the two oldest segments.
    assert len(present(cache, range(40))) >= whole
    clock.now += RETRY_S
    made[-1].error = 0
    assert cache.put("again", b"!")
    fill(cache, range(200, 240))
    cache.close()
    with SegmentCache(folder, MB) as cache:
        assert cache.get("again") == b"!"
        assert present(cache, range(200, 240)) == set(range(200, 240))
        assert cache.stats()["damaged"] == 0


def test_a_volume_that_is_full_of_other_things_gives_up_the_oldest_segments(folder: Path, clock: Clock) -> None:
    class SmallFolder(Folder):
        """A volume with room for ten segments, three of them taken by someone else's file."""

        def _create(self, name: str) -> int:
            if sum(path.stat().st_size for path in folder.iterdir()) > 9 * 64 * KB:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return super()._create(name)

    folder.mkdir(parents=True)
    (folder / "film.mp4").write_bytes(bytes(3 * 64 * KB))
    with SegmentCache(folder, MB, clock=clock, folder=SmallFolder) as cache:
        fill(cache, range(100))
        assert cache.stats()["problem"] == ""
        assert 4 <= cache.stats()["segments"] <= 7
        assert set(range(75, 100)) <= present(cache, range(100))
    assert (folder / "film.mp4").stat().st_size == 3 * 64 * KB


def test_a_folder_that_cannot_be_made_or_read_is_a_miss(place: Path, clock: Clock) -> None:
    (place / "cache").write_text("a file where the folder should be")
    with SegmentCache(place / "cache", MB, clock=clock) as cache:
        assert cache.get("a") is None
        assert not cache.put("a", b"x")
        assert cache.stats()["problem"]
        (place / "cache").unlink()
        clock.now += RETRY_S
        assert cache.put("a", b"x")
        assert cache.get("a") == b"x"


def test_a_volume_that_vanishes_is_a_miss_until_it_is_back(folder: Path, clock: Clock) -> None:
    with SegmentCache(folder, MB, clock=clock) as cache:
        fill(cache, range(20))
        shutil.move(folder, folder.parent / "elsewhere")
        # The last segment is in memory, and is all that is left.
        assert present(cache, range(18)) == set()
        fill(cache, range(20, 40))
        assert not folder.exists()
        assert cache.stats()["problem"]
        clock.now += RETRY_S
        shutil.move(folder.parent / "elsewhere", folder)
        assert cache.put("back", b"!")
        assert len(present(cache, range(18))) >= 12


def test_a_volume_that_was_emptied_under_the_cache_is_begun_anew(folder: Path, clock: Clock) -> None:
    with SegmentCache(folder, MB, clock=clock) as cache:
        fill(cache, range(20))
        shutil.rmtree(folder)
        fill(cache, range(20, 40))
        clock.now += RETRY_S
        fill(cache, range(40, 60))
    with SegmentCache(folder, MB) as cache:
        assert present(cache, range(60)) == set(range(40, 60))


def test_other_files_are_left_alone(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        fill(cache, range(20))
    (folder / "readme.txt").write_text("hello")
    (folder / "ffffffff.segments").write_text("not ours")
    (folder / "0000abcd.segment").mkdir()
    (folder / "00000000.segment").write_text("called like one of ours")
    with SegmentCache(folder, MB) as cache:
        assert present(cache, range(20)) == set(range(20))
        fill(cache, range(20, 40))
        assert cache.stats()["damaged"] == 2
    with SegmentCache(folder, MB) as cache:
        assert present(cache, range(40)) == set(range(40))
    assert (folder / "readme.txt").read_text() == "hello"
    assert (folder / "ffffffff.segments").exists()
    assert not (folder / "00000000.segment").exists()


def corrupted(original: Path, folder: Path, name: str, change: Callable[[bytearray], object]) -> SegmentCache:
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(original, folder)
    content = bytearray((folder / name).read_bytes())
    change(content)
    (folder / name).write_bytes(content)
    return SegmentCache(folder, MB)


def test_no_damaged_byte_of_any_file_gives_a_wrong_value(place: Path) -> None:
    original = place / "original"
    with SegmentCache(original, MB) as cache:
        fill(cache, range(8), 50)
    files = [path.name for path in original.iterdir() if path.stat().st_size]
    assert len(files) == 2
    source = random.Random(1)  # noqa: S311
    for name in files:
        for at in range((original / name).stat().st_size):

            def flip(content: bytearray, at: int = at) -> None:
                content[at] ^= 1 << source.randrange(8)

            with corrupted(original, place / "copy", name, flip) as cache:
                there = present(cache, range(8), 50)
                # A byte of a record costs that record, one of the footer the segment, one of the state nothing here.
                assert len(there) in ((0, 7) if name.endswith("segment") else (8,))
                assert cache.stats()["damaged"] == (1 if name.endswith("segment") else 0)
                assert cache.put("item 0", value(0, 50))


def test_no_torn_file_gives_a_wrong_value(place: Path) -> None:
    original = place / "original"
    with SegmentCache(original, MB) as cache:
        fill(cache, range(3), 30)
    for path in original.iterdir():
        for length in range(path.stat().st_size):

            def cut(content: bytearray, length: int = length) -> None:
                del content[length:]

            with corrupted(original, place / "copy", path.name, cut) as cache:
                assert present(cache, range(3), 30) == (set() if path.suffix else {0, 1, 2})


def test_a_segment_that_changes_while_it_is_used_is_a_miss(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        fill(cache, range(60))
        for path in segments(folder):
            content = path.read_bytes()
            path.write_bytes(content[:100] + bytes(len(content) - 100))
        assert present(cache, range(50)) == set()
        assert cache.stats()["damaged"] >= 40
        # Nothing broken is taken along when the segments go.
        fill(cache, range(100, 220))
        assert set(range(190, 220)) <= present(cache, range(100, 220))


def test_the_end_of_a_record_is_never_taken_from_another_writers_segment(folder: Path) -> None:
    with SegmentCache(folder, MB) as cache:
        fill(cache, range(1), 100 * KB)
    first, second = segments(folder)
    second.unlink()
    with SegmentCache(folder, MB) as cache:
        assert cache.stats()["items"] == 0
        fill(cache, range(1, 2), 100 * KB)
    with SegmentCache(folder, MB) as cache:
        assert present(cache, range(2), 100 * KB) == {1}
        assert cache.stats()["damaged"] == 0
    assert first.exists()
