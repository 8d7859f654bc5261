"""Where a volume really lies, how many bytes were written there, and who wrote them.

Three counts, none of which can replace another:

    disk     bytes written to a block device since the kernel started: sectors of 512 bytes in /proc/diskstats
             (the kernel's Documentation/admin-guide/iostats.rst). MTD is no block device and has no such count; there
             the erase counters of `appliance.storage.ubi` say what was programmed, for a block is erased once for each
             time it is filled.
    process  bytes that a process, and those of its children that it has waited for, made the page cache write
             (write_bytes in /proc/PID/io, Documentation/filesystems/proc.rst); on whatever medium, UBIFS included
    volume   what `statvfs` says of its size and what is free

A volume's medium comes from /proc/self/mountinfo. Nothing here raises; what cannot be told is None or left out.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.volumes import Volumes

SECTOR_BYTES: Final = 512


@dataclass(frozen=True, slots=True)
class Place:
    """Where a volume lies. `device` is the UBI device ("ubi0") or the whole disk ("nvme0n1"); empty for neither."""

    volume: str
    filesystem: str
    device: str
    size: int
    free: int


def places(volumes: Volumes, root: Path = Path("/")) -> list[Place]:
    """Every volume of the box that exists yet."""
    mounts = _mounts(root)
    found = []
    named = (("config", volumes.config), ("state", volumes.state), ("cache", volumes.cache), ("data", volumes.data))
    for name, path in named:
        with contextlib.suppress(OSError):
            size = os.statvfs(path)
            number = path.stat().st_dev
            filesystem, source = mounts.get(number, ("", ""))
            device = _ubi_device(source) if filesystem == "ubifs" else _disk(number, root)
            found.append(Place(name, filesystem, device, size.f_blocks * size.f_frsize, size.f_bavail * size.f_frsize))
    return found


def disk_bytes(root: Path = Path("/")) -> dict[str, int]:
    """Bytes written to each block device, by name, since the kernel started."""
    found = {}
    for line in _lines(root / "proc/diskstats"):
        fields = line.split()
        if len(fields) > 9:
            found[fields[2]] = int(fields[9]) * SECTOR_BYTES
    return found


def process_bytes(pid: int, root: Path = Path("/")) -> int | None:
    """Bytes that a process has written; None for one that is gone or somebody else's."""
    for line in _lines(root / f"proc/{pid}/io"):
        name, _, value = line.partition(":")
        if name == "write_bytes":
            return int(value)
    return None


def _mounts(root: Path) -> dict[int, tuple[str, str]]:
    """(file system, source) by device number; the last one mounted there speaks."""
    found = {}
    for line in _lines(root / "proc/self/mountinfo"):
        here, _, there = line.partition(" - ")
        fields, of = here.split(), there.split()
        if len(fields) > 2 and len(of) > 1:
            major, _, minor = fields[2].partition(":")
            found[os.makedev(int(major), int(minor))] = (of[0], of[1])
    return found


def _ubi_device(source: str) -> str:
    """The UBI device of a UBIFS mount: sources are written ubi0:state, ubi0_1, /dev/ubi0_1 or ubi:state (ubi0)."""
    name = source.rpartition("/")[2].partition(":")[0].partition("_")[0]
    return "ubi0" if name == "ubi" else name


def _disk(number: int, root: Path) -> str:
    """The whole disk that a block device, perhaps a partition, belongs to."""
    link = root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}"
    with contextlib.suppress(OSError):
        device = link.resolve(strict=True)
        return device.parent.name if (device / "partition").exists() else device.name
    return ""


def _lines(path: Path) -> list[str]:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().splitlines()
    return []
