"""What a disk holds, and why it may not be written.

Facts come from lsblk, which knows partitions and what is stacked on them. Refused is what is no whole disk, is
read-only, is too small for the board, or has anything on it in use: mounted, swapped to, or part of a running volume. A
disk that this computer runs from is always in use, and is named as such. A regular file stands for a disk: for virtual
machines, and for programmers.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.errors import InputError
from tools.boards.board import Board

_COLUMNS: Final = "PATH,MAJ:MIN,TYPE,SIZE,RO,MODEL,SERIAL,TRAN,LABEL,PARTLABEL,FSTYPE,MOUNTPOINTS"
_PATH: Final = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
_DISKS: Final = ("disk", "loop")
_SYSTEM: Final = ("/", "/boot", "/boot/efi", "/usr", "/var", "/home")


@dataclass(frozen=True, slots=True)
class Target:
    path: Path
    size: int
    """Bytes; of a file, what it will have."""
    name: str
    """Maker's name and number, for people."""
    contents: tuple[str, ...]
    """What is on it now, a line for each part."""


def inspect(path: Path, board: Board) -> Target:
    """The disk at `path`; `InputError` says why it will not be written."""
    try:
        path = path.resolve(strict=True)
    except FileNotFoundError:
        raise InputError(f"there is no {path}", hint="`lsblk` lists the disks of this computer") from None
    mode = path.stat().st_mode
    if stat.S_ISREG(mode):
        size = path.stat().st_size
        found = Target(path, size, "a file", (f"{size} bytes",) if size else ())
    elif stat.S_ISBLK(mode):
        found = _disk(path)
    else:
        raise InputError(f"{path} is neither a disk nor a file")
    if found.size < board.disk.size:
        raise InputError(
            f"{path} has {gigabytes(found.size)}, and {board.title} needs {gigabytes(board.disk.size)}",
            hint="take a larger disk; for a file, `truncate --size` makes room",
        )
    return found


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"


def _disk(path: Path) -> Target:
    command = ["lsblk", "--json", "--bytes", "--output", _COLUMNS, str(path)]
    try:
        shown = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise InputError(f"{path} cannot be looked at: {error.stderr.strip()}") from error
    disk: dict[str, Any] = json.loads(shown)["blockdevices"][0]
    if disk["type"] not in _DISKS:
        raise InputError(f"{path} is a {disk['type']}, not a whole disk", hint="name the disk that it is part of")
    parts = list(_all(disk))
    _not_in_use(path, parts)
    if disk["ro"]:
        raise InputError(f"{path} is read-only", hint="an SD card adapter has a switch for that")
    if not disk["size"]:
        raise InputError(f"{path} is empty", hint="is there a card in the reader?")
    name = (
        " ".join(str(disk[key]).strip() for key in ("model", "serial", "tran") if disk[key]) or "a disk without a name"
    )
    return Target(path, int(disk["size"]), name, tuple(_contents(parts)))


def _not_in_use(path: Path, parts: list[dict[str, Any]]) -> None:
    root = Path("/").stat().st_dev
    mounted = {place: part["path"] for part in parts for place in part["mountpoints"] if place}
    numbers = {part["maj:min"].strip() for part in parts}
    if f"{os.major(root)}:{os.minor(root)}" in numbers or any(place in mounted for place in _SYSTEM):
        raise InputError(f"{path} is the disk that this computer runs from", hint="name another one")
    if mounted:
        place, part = next(iter(mounted.items()))
        raise InputError(
            f"{part} is in use: {place}", hint=f"sudo umount {part}" if place != "[SWAP]" else f"swapoff {part}"
        )
    stacked = [part["path"] for part in parts if part["type"] not in (*_DISKS, "part")]
    if stacked:
        raise InputError(f"{path} is part of {stacked[0]}, which is running", hint="stop it, or name another disk")


def _all(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for child in part.get("children", []):
        yield from _all(child)


def _contents(parts: list[dict[str, Any]]) -> Iterator[str]:
    """A line for every partition, and for a disk without any that has something on it all the same."""
    for part in parts:
        what = " ".join(str(part[key]) for key in ("partlabel", "label", "fstype") if part[key])
        if not part["fstype"]:
            what = " ".join(filter(None, (what, _signature(part["path"]))))
        if what or part["type"] not in _DISKS:
            yield f"{part['path']}  {gigabytes(int(part['size']))}  {what}".rstrip()


def _signature(path: str) -> str:
    """Label and kind of file system, for a disk that udev has not looked at."""
    command = ["blkid", "--probe", "--match-tag", "LABEL", "--match-tag", "TYPE", "--output", "value", path]
    return " ".join(subprocess.run(command, env=_PATH, capture_output=True, text=True, check=False).stdout.split())
