"""The virtual board's chips and disk as files: made anew by the writers of factory images, read and damaged by tests.

Its NOR is two chips side by side. An erased flash is ones; a disk is a sparse file.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.flash import disk as flashing
from tools.images import disk as disk_image
from tools.images import nor
from tools.virtual_board import board

CHIPS: Final = 2
_ERASED: Final = b"\xff" * (1 << 20)


def write_nor(chips: tuple[Path, Path], contents: Mapping[str, bytes]) -> None:
    """Make both chips anew, as `nor.image` says."""
    split_nor(nor.image(board.description(), contents), chips)


def split_nor(image: bytes, chips: tuple[Path, Path]) -> None:
    """Lay an image of the whole NOR on both chips."""
    half = board.nor_size() // CHIPS
    for number, chip in enumerate(chips):
        chip.write_bytes(image[number * half : (number + 1) * half])


def read_nor(chips: tuple[Path, Path], name: str) -> bytes:
    """The content of one partition."""
    partition = board.nor_partition(name)
    number, offset = divmod(partition.offset, board.nor_size() // CHIPS)
    with chips[number].open("rb") as file:
        file.seek(offset)
        return file.read(partition.size)


def write_nand(chip: Path) -> None:
    """Make the NAND anew: erased."""
    nand = board.description().nand
    if nand is None:
        raise InputError(f"boot/boards/{board.NAME}.toml has no NAND")
    with chip.open("wb") as file:
        for _ in range(nand.size // len(_ERASED)):
            file.write(_ERASED)


def write_disk(disk: Path, contents: Mapping[str, Path]) -> None:
    """Make a disk anew as `disk_image.image` says, and as large as the board's."""
    with tempfile.TemporaryDirectory(dir=disk.parent) as scratch:
        image = Path(scratch) / "image"
        disk_image.image(board.description(), contents, image)
        flashing.fit(image, board.description().disk.size, disk)


def remove(disk: Path, name: str) -> None:
    """Take a partition out of a disk's table."""
    names = [partition.name for partition in board.description().disk.partitions]
    subprocess.run(["/sbin/sfdisk", "--quiet", "--delete", str(disk), str(names.index(name) + 1)], check=True)


def find(disk: Path, name: str) -> tuple[int, int]:
    """Where a partition begins, and its length, in bytes."""
    shown = subprocess.run(["/sbin/sfdisk", "--dump", str(disk)], check=True, capture_output=True, text=True).stdout
    for line in shown.splitlines():
        if f'name="{name}"' in line:
            fields = dict(part.strip().split("=", 1) for part in line.partition(" : ")[2].split(",") if "=" in part)
            return int(fields["start"]) * 512, int(fields["size"]) * 512
    raise InputError(f"{disk} has no partition {name}")
