"""What is refused before anything is written. Disks are loop devices, which needs root."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.boards.board import Board
from tools.flash import target
from tools.images.__main__ import board

GIB = 1 << 30
ENVIRONMENT = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


def run(*command: str) -> str:
    return subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def rock() -> Board:
    return board("rock-5b")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    made: list[str] = []

    def make(size: int, *options: str) -> Path:
        if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
            pytest.skip("loop devices need root")
        file = tmp_path / "disk"
        with file.open("wb") as opened:
            opened.truncate(size)
        made.append(run("losetup", "--find", "--show", *options, str(file)))
        return Path(made[-1])

    yield make
    for device in made:
        run("losetup", "--detach", device)


def sized(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        file.truncate(size)
    return path


def test_a_disk_that_nobody_uses_is_taken(loop: Callable[..., Path], rock: Board) -> None:
    device = loop(15 * GIB)
    assert target.inspect(device, rock) == target.Target(device, 15 * GIB, "a disk without a name", ())


def test_what_is_on_it_is_shown(loop: Callable[..., Path], rock: Board) -> None:
    device = loop(15 * GIB)
    run("mkfs.ext4", "-q", "-L", "holiday", str(device))
    (line,) = target.inspect(device, rock).contents
    assert "holiday ext4" in line


def test_a_mounted_disk_is_refused(loop: Callable[..., Path], rock: Board, tmp_path: Path) -> None:
    device = loop(15 * GIB)
    run("mkfs.ext4", "-q", str(device))
    place = tmp_path / "mounted"
    place.mkdir()
    run("mount", str(device), str(place))
    try:
        with pytest.raises(InputError, match=f"{device} is in use: {place}") as caught:
            target.inspect(device, rock)
        assert caught.value.hint == f"sudo umount {device}"
    finally:
        run("umount", str(place))


def test_a_read_only_disk_is_refused(loop: Callable[..., Path], rock: Board) -> None:
    with pytest.raises(InputError, match="read-only"):
        target.inspect(loop(15 * GIB, "--read-only"), rock)


def test_a_disk_that_is_part_of_a_volume_is_refused(loop: Callable[..., Path], rock: Board) -> None:
    device = loop(15 * GIB)
    if not shutil.which("dmsetup", path=ENVIRONMENT["PATH"]):
        pytest.skip("dmsetup is not installed")
    name = f"mouthpiece-test-{os.getpid()}"
    try:
        run("dmsetup", "create", name, "--table", f"0 2048 linear {device} 0")
    except subprocess.CalledProcessError:
        pytest.skip("this kernel has no device mapper for us")
    try:
        with pytest.raises(InputError, match="which is running"):
            target.inspect(device, rock)
    finally:
        run("dmsetup", "remove", name)


def test_the_disk_that_this_computer_runs_from_is_refused(rock: Board) -> None:
    disks = json.loads(run("lsblk", "--json", "--output", "PATH,TYPE,MOUNTPOINTS"))["blockdevices"]
    system = next((one["path"] for one in disks if one["type"] == "disk" and '"/"' in json.dumps(one)), None)
    if system is None:
        pytest.skip("the disk of this computer is not seen from here")
    with pytest.raises(InputError, match="that this computer runs from"):
        target.inspect(Path(system), rock)


def test_a_disk_that_is_too_small_is_refused(tmp_path: Path, rock: Board) -> None:
    with pytest.raises(InputError, match=r"has 8\.6 GB, and Radxa ROCK 5B needs 15\.0 GB"):
        target.inspect(sized(tmp_path / "disk", 8 * GIB), rock)


def test_a_file_stands_for_a_disk(tmp_path: Path, rock: Board) -> None:
    assert target.inspect(sized(tmp_path / "disk", 15 * GIB), rock).size == 15 * GIB


@pytest.mark.parametrize(
    ("path", "words"), [("/dev/null", "neither a disk nor a file"), ("/dev/nowhere", "there is no")]
)
def test_what_is_no_disk_is_refused(path: str, words: str, rock: Board) -> None:
    with pytest.raises(InputError, match=words):
        target.inspect(Path(path), rock)
