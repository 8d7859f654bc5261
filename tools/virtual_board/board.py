"""The virtual board's facts, all from its description in boot/boards and what `make boards` writes of it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.boards import source
from tools.boards.board import Board, Nor, NorPartition

NAME: Final = "virt-arm64"
BOOT: Final = Path(__file__).resolve().parents[2] / "boot"
GENERATED: Final = BOOT / "generated" / NAME
MEMORY_MB: Final = 2048
KERNEL_ADDRESS: Final = 0x4200_0000
"""Where U-Boot lays the kernel; boot/uboot/virt-arm64.env keeps the FIT away from it."""


@cache
def description() -> Board:
    return source.read(BOOT / f"boards/{NAME}.toml")[0]


def nor_size() -> int:
    return _nor().size


def nor_partition(name: str) -> NorPartition:
    """A partition of the NOR; `InputError` where the description has none of that name."""
    found = _nor().named(name)
    if found is None:
        raise InputError(f"boot/boards/{NAME}.toml has no NOR partition {name}")
    return found


def _nor() -> Nor:
    nor = description().nor
    if nor is None:
        raise InputError(f"boot/boards/{NAME}.toml has no NOR")
    return nor
