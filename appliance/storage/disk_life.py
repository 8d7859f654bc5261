"""What the controllers of eMMC and NVMe say of their own wear.

eMMC    /sys/bus/mmc/devices/*/life_time     two estimates (kinds of cells) in steps of 10 %: 1 is 0..10 %, 10 is
                                             90..100 %, 11 is used up, 0 is unknown
        /sys/bus/mmc/devices/*/pre_eol_info  1 normal, 2 80 % of the reserve is used, 3 90 % of it
        (EXT_CSD 267 to 269 of JEDEC's JESD84-B51)
NVMe    the SMART log page (02h of the NVM Express base specification, 5.14.1.2), asked of /dev/nvmeN with the kernel's
        NVME_IOCTL_ADMIN_CMD (linux/nvme_ioctl.h), which only root may; percentage used counts on beyond 100, to 255

SD cards, virtual disks and others tell nothing and are not in the list. Nothing here raises.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NVME_ADMIN: Final = 0xC0484E41
"""_IOWR('N', 0x41, struct nvme_passthru_cmd), whose size is 72."""
_GET_LOG_PAGE: Final = 0x02
_SMART: Final = 0x02
_ALL_NAMESPACES: Final = 0xFFFFFFFF
_LOG_BYTES: Final = 512
_COMMAND: Final = struct.Struct("<BBHIIIQQIIIIIIIIII")
_DATA_UNIT: Final = 512_000
"""Bytes; the log counts thousands of 512."""
_RESERVE: Final = {1: 0, 2: 80, 3: 90}


@dataclass(frozen=True, slots=True)
class DiskLife:
    """A disk that tells its wear. Shares are in percent; 100 and more means that it may fail any time."""

    name: str
    kind: str
    used_low: int | None
    """The share of its life that is used is at least this, and at most `used_high`; None where it does not tell."""
    used_high: int | None
    reserve_used: int | None
    """At least so much of the reserve for bad blocks is used."""
    hours: int | None = None
    """For how long it has been powered in its life."""
    written_bytes: int | None = None
    """Bytes written to it in its life."""


def disks(root: Path = Path("/")) -> list[DiskLife]:
    """The disks that tell their wear, by name."""
    return [*_emmcs(root), *_nvmes(root)]


def _emmcs(root: Path) -> list[DiskLife]:
    found = []
    for path in sorted((root / "sys/bus/mmc/devices").glob("*/life_time")):
        card = path.parent
        with contextlib.suppress(OSError, ValueError):
            step = max(int(word, 0) for word in path.read_text().split())
            low, high = (None, None) if step == 0 else ((step - 1) * 10, min(step * 10, 100))
            blocks = sorted(entry.name for entry in (card / "block").glob("*"))
            found.append(DiskLife(blocks[0] if blocks else card.name, "eMMC", low, high, _reserve(card)))
    return found


def _reserve(card: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return _RESERVE.get(int((card / "pre_eol_info").read_text(), 0))
    return None


def _nvmes(root: Path) -> list[DiskLife]:
    found = []
    for controller in sorted((root / "sys/class/nvme").glob("nvme[0-9]*")):
        with contextlib.suppress(OSError):
            found.append(smart(controller.name, _smart_log(root / "dev" / controller.name)))
    return found


def smart(name: str, log: bytes) -> DiskLife:
    """What the SMART log page of an NVMe controller says."""
    spare, threshold, used = log[3:6]
    written, hours = (int.from_bytes(log[at : at + 16], "little") for at in (48, 128))
    reserve = 100 - min(spare, 100) if spare or threshold else None  # a controller that has no idea says nothing but 0
    return DiskLife(name, "NVMe", used, used + 1, reserve, hours, written * _DATA_UNIT)


def _smart_log(device: Path) -> bytes:
    answer = ctypes.create_string_buffer(_LOG_BYTES)
    dwords = _LOG_BYTES // 4 - 1
    command = _COMMAND.pack(
        *(_GET_LOG_PAGE, 0, 0, _ALL_NAMESPACES, 0, 0, 0, ctypes.addressof(answer), 0, _LOG_BYTES),
        *(dwords << 16 | _SMART, 0, 0, 0, 0, 0, 0, 0),
    )
    handle = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if fcntl.ioctl(handle, _NVME_ADMIN, bytearray(command)):
            raise OSError(f"{device} refuses to tell its SMART log")
    finally:
        os.close(handle)
    return answer.raw
