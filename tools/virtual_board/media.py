"""What the virtual board's chips and disk hold: the NOR with its partitions, the NAND, a GPT disk with slots.

All are raw files. An erased flash is ones; a disk is a sparse file of zeros.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.virtual_board import board

CHIPS: Final = 2
_ERASED: Final = b"\xff" * (1 << 20)


def write_nor(chips: tuple[Path, Path], contents: Mapping[str, bytes]) -> None:
    """Make both chips anew: erased, but for `contents` by partition. `InputError` for what does not fit."""
    half = board.nor_size() // CHIPS
    for chip in chips:
        _erase(chip, half)
    for name, content in contents.items():
        partition = board.nor_partition(name)
        if len(content) > partition.size:
            raise InputError(f"{len(content)} bytes do not fit the NOR partition {name} of {partition.size}")
        number, offset = divmod(partition.offset, half)
        with chips[number].open("r+b") as file:
            file.seek(offset)
            file.write(content)


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
    _erase(chip, nand.size)


def write_disk(disk: Path, contents: Mapping[str, Path]) -> None:
    """Make a disk anew with the board's partitions, empty but for `contents` by partition."""
    layout = board.description().disk
    disk.unlink(missing_ok=True)
    with disk.open("wb") as file:
        file.truncate(layout.size)
    lines = ["label: gpt"]
    for partition in layout.partitions:
        size = f", size={partition.size // 512}" if partition.size else ""
        lines.append(f'name="{partition.name}"{size}')
    _sfdisk(disk, "\n".join(lines))
    for name, content in contents.items():
        fill(disk, name, content)


def fill(disk: Path, name: str, content: Path) -> None:
    """Write a file to the beginning of a partition. `InputError` when it does not fit."""
    start, size = find(disk, name)
    if content.stat().st_size > size:
        raise InputError(f"{content} does not fit the partition {name} of {size} bytes")
    with disk.open("r+b") as file:
        file.seek(start)
        file.write(content.read_bytes())


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


def _erase(chip: Path, size: int) -> None:
    with chip.open("wb") as file:
        for _ in range(size // len(_ERASED)):
            file.write(_ERASED)


def _sfdisk(disk: Path, script: str) -> None:
    subprocess.run(["/sbin/sfdisk", "--quiet", str(disk)], input=script, check=True, capture_output=True, text=True)
