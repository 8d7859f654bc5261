"""What the board should have, whether it is there or not: `board.json`, made from boot/boards by tools.recovery_image.

    {"board": name, "title", "disk": device, "whole": true | false, "environment": true | false,
     "partitions": [[name, where it begins in bytes, bytes; 0 is the rest], ...] in the order of the disk,
     "nand": [[volume, bytes; 0 is the rest, compression], ...] or null}

`whole` says whether these partitions are all that the disk has; the boot loader's lie there as well otherwise.
`environment` says whether U-Boot keeps its environment in flash, which `/etc/fw_env.config` then describes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError

FILE: Final = Path("/etc/mouthpiece/board.json")


@dataclass(frozen=True, slots=True)
class UbiVolume:
    name: str
    size: int
    compression: str


@dataclass(frozen=True, slots=True)
class Partition:
    name: str
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Layout:
    board: str
    title: str
    disk: str
    partitions: tuple[Partition, ...]
    whole: bool
    nand: tuple[UbiVolume, ...]
    """Empty on a board without raw NAND."""
    environment: bool

    @classmethod
    def read(cls, file: Path = FILE) -> Layout:
        """`UnhealthyError` where the file is missing or not of this form."""
        try:
            found = json.loads(file.read_bytes())
            return cls(
                str(found["board"]),
                str(found["title"]),
                str(found["disk"]),
                tuple(Partition(str(name), int(start), int(size)) for name, start, size in found["partitions"]),
                bool(found["whole"]),
                tuple(UbiVolume(str(name), int(size), str(how)) for name, size, how in found["nand"] or ()),
                bool(found["environment"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UnhealthyError(
                f"{file} does not say what this board has: {error}", hint="flash the recovery system again"
            ) from error
