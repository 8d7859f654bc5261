"""The box's cache: its place, its size and its budget, on a disk and on a simulated NAND."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.storage import wear_model
from appliance.storage.budget import Chip
from appliance.storage.cache import box
from appliance.volumes import Volumes
from tests import nand_trees

BLOCKS = 1000
LEB_BYTES = 126_976


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    found = Volumes(tmp_path / "box")
    found.cache.mkdir(parents=True)
    return found


@pytest.fixture
def nand(tmp_path: Path, volumes: Volumes) -> Path:
    """A kernel that says that the cache volume is UBIFS on a chip of a thousand blocks."""
    root = tmp_path / "kernel"
    nand_trees.ubi(root, [400] * BLOCKS)
    number = volumes.cache.stat().st_dev
    (root / "proc/self").mkdir(parents=True)
    line = f"36 35 {os.major(number)}:{os.minor(number)} / /cache rw,noatime - ubifs ubi0:cache rw\n"
    (root / "proc/self/mountinfo").write_text(line)
    return root


def writes(root: Path, process: int, count: int) -> None:
    (root / f"proc/{process}").mkdir(parents=True, exist_ok=True)
    (root / f"proc/{process}/io").write_text(f"rchar: 1\nwrite_bytes: {count}\n")


def test_on_a_disk_it_has_a_size_and_no_budget(volumes: Volumes, tmp_path: Path) -> None:
    with box.opened(volumes, root=tmp_path) as cache:
        assert cache.put("a", b"item", kind="motion")
        stats = cache.stats()
    assert 0 < stats["capacity_bytes"] <= box.NOMINAL_BYTES
    assert stats["budget_bytes_per_day"] is None
    assert [path.name for path in box.folder(volumes).glob("*.segment")]
    with box.opened(volumes, root=tmp_path) as cache:
        assert cache.get("a") == b"item"


def test_it_needs_no_volume_yet(tmp_path: Path) -> None:
    with box.opened(Volumes(tmp_path / "new")) as cache:
        assert cache.put("a", b"item")


def test_it_is_no_trouble_where_no_volume_can_be(tmp_path: Path) -> None:
    (tmp_path / "nand").write_text("a file")
    with box.opened(Volumes(tmp_path)) as cache:
        assert not cache.put("a", b"item")
        assert cache.stats()["problem"]


def test_on_a_simulated_nand_it_takes_most_of_the_volume_and_keeps_within_the_chips_life(
    volumes: Volumes, nand: Path
) -> None:
    with box.opened(volumes, root=nand) as cache:
        stats = cache.stats()
    size = os.statvfs(volumes.cache)
    assert stats["capacity_bytes"] == pytest.approx(0.9 * size.f_blocks * size.f_frsize, rel=0.01)
    chip = Chip(BLOCKS, 131_072, wear_model.RATED_CYCLES)
    assert stats["budget_bytes_per_day"] == pytest.approx(wear_model.daily_budget(chip, 400))
    assert 7 * LEB_BYTES < stats["segment_bytes"] <= 8 * LEB_BYTES


def test_on_a_simulated_nand_the_log_takes_from_the_same_budget(volumes: Volumes, nand: Path) -> None:
    writes(nand, 77, 1000)
    with box.opened(volumes, supervisor=77, root=nand) as cache:
        before = cache.stats()["admission"]
        an_hour = cache.stats()["budget_bytes_per_day"] / 24
        writes(nand, 77, 1000 + round(an_hour / 2))
        halved = cache.stats()["admission"]
        assert (before, halved) == (pytest.approx(1, abs=0.01), pytest.approx(0.5, abs=0.01))
        (nand / "proc/77/io").unlink()
        assert cache.stats()["admission"] == pytest.approx(halved, abs=0.01), "who is gone writes nothing"


def test_statistics_are_the_published_ones_or_those_stored_last(volumes: Volumes, tmp_path: Path) -> None:
    assert box.statistics(volumes) == {}
    with box.opened(volumes, root=tmp_path) as cache:
        cache.get("a", kind="motion")
    assert box.statistics(volumes)["kinds"]["motion"]["misses"] == 1
    assert box.statistics(volumes, {box.STATE: {"hits": 7}}) == {"hits": 7}
