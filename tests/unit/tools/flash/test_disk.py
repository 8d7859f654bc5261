"""Writing an image to a file that stands for a disk: what arrives, what is cleared, and what is noticed."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline.progress import Job, Progress
from tools.flash import disk
from tools.images import disk as images
from tools.images.__main__ import board

ENVIRONMENT = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
MIB = 1 << 20
SIZE = 15 << 30


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if not shutil.which("sfdisk", path=ENVIRONMENT["PATH"]):
        pytest.skip("fdisk is not installed")
    root = tmp_path / "root"
    root.write_bytes(b"root" * MIB)
    images.image(board("rock-5b"), {"root-a": root}, tmp_path / "image")
    return tmp_path / "image"


@pytest.fixture
def fitted(image: Path, tmp_path: Path) -> Path:
    disk.fit(image, SIZE, tmp_path / "fitted")
    return tmp_path / "fitted"


def table(path: Path) -> dict[str, dict[str, Any]]:
    command = ["sfdisk", "--json", str(path)]
    shown = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
    return {one["name"]: one for one in json.loads(shown)["partitiontable"]["partitions"]}


def verified(path: Path) -> str:
    command = ["sfdisk", "--verify", str(path)]
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout


def test_the_last_partition_gets_the_rest_of_the_disk_and_the_others_stay(image: Path, fitted: Path) -> None:
    before, after = table(image), table(fitted)
    data = after.pop("data")
    assert after == {name: one | {"node": after[name]["node"]} for name, one in before.items() if name != "data"}
    assert data["start"] == before["data"]["start"]
    assert SIZE - 2 * MIB < (data["start"] + data["size"]) * 512 <= SIZE
    assert "No errors detected" in verified(fitted)


def test_the_disk_holds_the_image_and_nothing_at_the_head_of_any_partition_that_the_image_has_not(
    fitted: Path, tmp_path: Path
) -> None:
    target = tmp_path / "disk"
    with target.open("wb") as empty:
        empty.truncate(SIZE)
    old = os.urandom(4096)
    for part in table(fitted).values():
        with target.open("r+b") as used:
            used.seek(part["start"] * 512)
            used.write(old)
    seen: list[Progress] = []
    disk.write(fitted, target, Job(seen.append))
    assert table(target).keys() == table(fitted).keys()
    assert "No errors detected" in verified(target)
    with fitted.open("rb") as expected, target.open("rb") as found:
        for part in table(fitted).values():
            for file in (expected, found):
                file.seek(part["start"] * 512)
            assert found.read(MIB) == expected.read(MIB)
        start = table(fitted)["root-a"]["start"] * 512
        found.seek(start)
        assert found.read(4 * MIB) == b"root" * MIB
    assert [(one.stage, one.done == one.total) for one in seen if one.done == one.total] == [
        ("write", True),
        ("verify", True),
    ]
    assert target.stat().st_blocks * 512 < 32 * MIB


def test_a_disk_that_gives_back_something_else_is_noticed(fitted: Path, tmp_path: Path) -> None:
    target = tmp_path / "disk"
    with target.open("wb") as file:
        file.truncate(SIZE)

    def spoil(progress: Progress) -> None:
        if progress.stage == "write" and progress.done == progress.total:
            with target.open("r+b") as file:
                file.seek(table(fitted)["root-a"]["start"] * 512 + 5)
                file.write(b"!")

    with pytest.raises(UnhealthyError, match="does not give back what was written to it"):
        disk.write(fitted, target, Job(spoil))


def test_something_that_is_no_image_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_bytes(bytes(MIB))
    with pytest.raises(InputError, match="is no disk image"):
        disk.fit(wrong, SIZE, tmp_path / "copy")


def test_extents_do_not_overlap_and_cover_what_is_written(fitted: Path) -> None:
    found = disk.extents(fitted)
    assert all(one.end < other.start for one, other in itertools.pairwise(found))
    for part in table(fitted).values():
        start = part["start"] * 512
        assert any(one.start <= start and start + MIB <= one.end for one in found)
