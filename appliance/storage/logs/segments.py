"""The files of the log: `FOLDER/ID.log`, ID the first record's id in 16 digits, so that names sort by age.

A segment is blocks one after the other, with holes between them (`writer` says why). It only grows, and only the
newest one does; the oldest is deleted as a whole.
A crash may leave a torn block at its end; what follows is found all the same (see `block`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from appliance.storage.logs import block
from appliance.storage.logs.block import Block

_NAME: Final = re.compile(r"\d{16}\.log")


def path_of(folder: Path, first_id: int) -> Path:
    return folder / f"{first_id:016d}.log"


def first_id(path: Path) -> int:
    return int(path.stem)


def listing(folder: Path) -> list[Path]:
    """The segments there are, oldest first; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    except FileNotFoundError:
        return []


def blocks(path: Path) -> list[Block]:
    """The whole blocks of a segment; none when it was deleted meanwhile or its flash cannot be read."""
    try:
        return list(block.scan(path.read_bytes()))
    except PermissionError:
        raise
    except OSError:
        return []


def end(folder: Path) -> tuple[int, int]:
    """The highest record id and the last block's sequence number; zeros where nothing is stored."""
    highest = 0
    for path in reversed(listing(folder)):
        highest = max(highest, first_id(path))
        if stored := blocks(path):
            return max(highest, stored[-1].last_id), stored[-1].sequence
    return highest, 0


def affordable(folder: Path, total_bytes: int) -> int:
    """So much of `total_bytes` as the volume spares: half of it is for the others there, the queue above all."""
    while not folder.exists():
        folder = folder.parent
    volume = os.statvfs(folder)
    return min(total_bytes, volume.f_blocks * volume.f_frsize // 2)


def drop_oldest(folder: Path) -> bool:
    """Delete the oldest segment, unless it is the one that is written to; whether there was one."""
    older = listing(folder)[:-1]
    for path in older[:1]:
        path.unlink()
    return bool(older)


def make_room(folder: Path, total_bytes: int, wanted: int) -> None:
    """Delete the oldest segments until `wanted` more bytes keep the folder within `total_bytes`."""
    sizes = {path: path.stat().st_size for path in listing(folder)}
    taken = sum(sizes.values())
    for path, size in sizes.items():
        if taken + wanted <= total_bytes:
            return
        path.unlink()
        taken -= size
