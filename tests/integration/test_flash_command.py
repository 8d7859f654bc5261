"""`make flash` as a person runs it: what it says, what it asks, and that nothing is written before the answer."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.images import disk as images
from tools.images.__main__ import board

ROOT = Path(__file__).parents[2]
SIZE = 15 << 30


@pytest.fixture
def made(tmp_path: Path) -> Path:
    if not shutil.which("sfdisk", path=f"{os.environ['PATH']}:/usr/sbin:/sbin"):
        pytest.skip("fdisk is not installed")
    root = tmp_path / "root"
    root.write_bytes(b"root" * 1000)
    folder = tmp_path / "images"
    folder.mkdir()
    images.image(board("rock-5b"), {"root-a": root}, folder / "mouthpiece-disk-image-rock-5b.img")
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    path = tmp_path / "disk"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


def flash(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tools.flash", *arguments]
    return subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def answered(answer: str, *arguments: str) -> tuple[int, str]:
    """On a terminal, with `answer` typed."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "tools.flash", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdin=theirs, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    return done.returncode, done.stderr


def written(path: Path) -> bool:
    return path.stat().st_blocks > 0


def holds_its_root(path: Path) -> bool:
    disk = board("rock-5b").disk
    starts = dict(zip((part.name for part in disk.partitions), disk.starts, strict=True))
    with path.open("rb") as file:
        file.seek(starts["root-a"])
        return file.read(4000) == b"root" * 1000


def test_the_name_typed_writes_the_disk(made: Path, target: Path) -> None:
    code, said = answered("disk", "--board", "rock-5b", "--device", str(target), "--images", str(made))
    assert code == 0, said
    assert "Everything on it will be erased" in said
    assert "Written and read back" in said
    assert holds_its_root(target)


def test_a_disk_is_written_as_a_file_is(made: Path, target: Path) -> None:
    if os.geteuid() != 0 or not Path("/dev/loop-control").exists():
        pytest.skip("loop devices need root")
    command = ["losetup", "--find", "--show", str(target)]
    device = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    try:
        code, said = answered(Path(device).name, "--board", "rock-5b", "--device", device, "--images", str(made))
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
    assert code == 0, said
    assert f"{device}  16.1 GB" in said
    assert holds_its_root(target)


def test_anything_else_typed_writes_nothing(made: Path, target: Path) -> None:
    code, said = answered("yes", "--board", "rock-5b", "--device", str(target), "--images", str(made))
    assert (code, written(target)) == (1, False)
    assert "nothing was written" in said


def test_without_a_terminal_it_wants_to_be_told(made: Path, target: Path) -> None:
    done = flash("--board", "rock-5b", "--device", str(target), "--images", str(made))
    assert (done.returncode, written(target)) == (1, False)
    assert "ARGS=--yes" in done.stderr
    done = flash("--board", "rock-5b", "--device", str(target), "--images", str(made), "--yes")
    assert (done.returncode, written(target)) == (0, True), done.stderr


def test_an_unknown_board_is_told_which_there_are(target: Path) -> None:
    done = flash("--board", "rock-6", "--device", str(target), "--yes")
    assert (done.returncode, written(target)) == (1, False)
    assert "there is no board 'rock-6'" in done.stderr
    assert "rock-5b" in done.stderr


def test_a_missing_image_says_what_makes_it(target: Path, tmp_path: Path) -> None:
    done = flash("--board", "rock-5b", "--device", str(target), "--images", str(tmp_path), "--yes")
    assert (done.returncode, written(target)) == (1, False)
    assert "make image" in done.stderr
