"""The content of a board's disk: its partitions, some of them filled.

The image is sparse and ends behind what is in it: the last partition takes what the real disk has, when the box starts
for the first time. Names of partitions are the board's; their numbers follow from board and name.
"""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.boards.board import ALIGNED, Board, DiskPartition

_NAMES: Final = uuid.UUID("6d6f7574-6870-4965-8365-000000000000")
_SECTOR: Final = 512
_BLOCK: Final = 1 << 20
_REST: Final = 64 << 20
"""What the last partition has in the image."""


def image(board: Board, contents: Mapping[str, Path], target: Path) -> None:
    """`InputError` for a partition that the board does not have, and for what does not fit into its own."""
    partitions = board.disk.partitions
    if unknown := contents.keys() - {one.name for one in partitions}:
        have = ", ".join(one.name for one in partitions)
        raise InputError(f"{board.title} has no partition {min(unknown)!r}", hint=f"it has {have}")
    starts = board.disk.starts
    total = starts[-1] + (partitions[-1].size or _REST) + ALIGNED
    with target.open("wb") as file:
        file.truncate(total)
    lines = ["label: gpt", f"label-id: {uuid.uuid5(_NAMES, board.compatible)}", "unit: sectors"]
    lines.append(f"first-lba: {starts[0] // _SECTOR}")
    for partition, start in zip(partitions, starts, strict=True):
        number = uuid.uuid5(_NAMES, f"{board.compatible} {partition.name}")
        size = (partition.size or _REST) // _SECTOR
        lines.append(f'start={start // _SECTOR}, size={size}, name="{partition.name}", uuid={number}')
    subprocess.run(["sfdisk", "--quiet", str(target)], input="\n".join(lines).encode(), check=True, env=_with_sbin())
    for partition, start in zip(partitions, starts, strict=True):
        if partition.name in contents:
            _fill(target, start, partition, contents[partition.name])


def _fill(target: Path, start: int, partition: DiskPartition, content: Path) -> None:
    size = content.stat().st_size
    if size > (partition.size or _REST):
        raise InputError(f"{content}, {size} bytes, does not fit the partition {partition.name}")
    with target.open("r+b") as file, content.open("rb") as source:
        file.seek(start)
        while block := source.read(_BLOCK):
            if block.count(0) == len(block):
                file.seek(len(block), os.SEEK_CUR)
            else:
                file.write(block)


def _with_sbin() -> dict[str, str]:
    return os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
