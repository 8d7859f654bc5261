"""Chips and disks of the virtual board: what is written to a partition is there, and nowhere else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.virtual_board import board, media


def chips(folder: Path) -> tuple[Path, Path]:
    return folder / "nor0", folder / "nor1"


def test_a_partition_of_the_nor_holds_what_was_written_and_the_rest_is_erased(tmp_path: Path) -> None:
    media.write_nor(chips(tmp_path), {"u-boot": b"first", "env-redundant": b"second"})
    assert sum(chip.stat().st_size for chip in chips(tmp_path)) == board.nor_size()
    assert media.read_nor(chips(tmp_path), "u-boot").startswith(b"first\xff")
    assert media.read_nor(chips(tmp_path), "env-redundant").startswith(b"second\xff")
    assert set(media.read_nor(chips(tmp_path), "config")) == {0xFF}


def test_what_does_not_fit_the_nor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="do not fit the NOR partition env"):
        media.write_nor(chips(tmp_path), {"env": b"0" * (board.nor_partition("env").size + 1)})


@pytest.mark.skipif(shutil.which("/sbin/sfdisk") is None, reason="sfdisk is not installed")
def test_a_disk_has_the_boards_partitions(tmp_path: Path) -> None:
    disk, image = tmp_path / "disk", tmp_path / "image"
    image.write_bytes(b"kernel")
    media.write_disk(disk, {"boot-b": image})
    for partition in board.description().disk.partitions:
        start, size = media.find(disk, partition.name)
        assert size == partition.size or partition.size is None
        with disk.open("rb") as file:
            file.seek(start)
            assert file.read(6) == (b"kernel" if partition.name == "boot-b" else bytes(6))
    assert disk.stat().st_size == board.description().disk.size
    assert sum(media.find(disk, "data")) > board.description().disk.size - (2 << 20)


def test_a_new_nand_is_as_large_as_the_boards_and_erased(tmp_path: Path) -> None:
    chip = tmp_path / "nand"
    media.write_nand(chip)
    content = chip.read_bytes()
    assert content == b"\xff" * (256 << 20)


def test_a_partition_that_is_removed_leaves_the_others(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    media.write_disk(disk, {})
    before = media.find(disk, "root-b")
    media.remove(disk, "data")
    assert media.find(disk, "root-b") == before
    with pytest.raises(InputError):
        media.find(disk, "data")
