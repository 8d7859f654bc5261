"""What the controllers of eMMC and NVMe say of their own wear.

eMMC    /sys/bus/mmc/devices/*/life_time     two estimates (kinds of cells) in steps of 10 %: 1 is 0..10 %, 10 is
                                             90..100 %, 11 is used up, 0 is unknown
        /sys/bus/mmc/devices/*/pre_eol_info  1 normal, 2 80 % of the reserve is used, 3 90 % of it
        (EXT_CSD 267 to 269 of JEDEC's JESD84-B51)
NVMe    the SMART log page (02h of the NVM Express base specification, 5.14.1.2), asked of /dev/nvmeN with the kernel's
        NVME_IOCTL_ADMIN_CMD (linux/nvme_ioctl.h), which only root may; percentage used counts on beyond 100, to 255

SD cards, virtual disks and others tell nothing and are not in the list. On a box, which is not root, an hourly unit
asks the NVMe controllers in its place and leaves what they say in `READING`. A controller that may not be asked, and of
which nobody asked within a day, is in the list with nothing known of it. `disks` never raises.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import struct
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from appliance.storage import atomic

READING: Final = Path("run/mouthpiece-disk-life/nvme.json")
"""Below the root; its directory is made by mouthpiece-disk-life.service."""
_READING_VALID_S: Final = 86_400.0
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
    """A disk that tells its wear, if only to root. Shares are in percent; from 100 on it may fail any time."""

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
    refused: bool = False
    """It may tell, but not whoever asks here."""


def disks(root: Path = Path("/")) -> list[DiskLife]:
    """The disks that tell their wear, by name."""
    return [*_emmcs(root), *_nvmes(root)]


def leave_reading(root: Path = Path("/")) -> None:
    """Ask the NVMe controllers and replace `READING`, for those who may not ask; OSError where it cannot be written."""
    nvmes = {name: disk and asdict(disk) for name, disk in _ask(root).items()}
    atomic.write_bytes(root / READING, json.dumps({"asked": _now(), "nvmes": nvmes}).encode())


def _reading(root: Path) -> dict[str, DiskLife | None]:
    """What is left in `READING`, if it is sound and of the last day."""
    with contextlib.suppress(OSError, ValueError, TypeError, LookupError, AttributeError):
        left = json.loads((root / READING).read_bytes())
        if 0 <= _now() - left["asked"] <= _READING_VALID_S:
            return {name: disk and DiskLife(**disk) for name, disk in left["nvmes"].items()}
    return {}


def _now() -> float:
    """Seconds since the start of the system, which `READING` does not outlive; a box's wall clock may jump by years."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


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
    found = _ask(root)
    refused = {name for name, disk in found.items() if disk and disk.refused}
    if refused:
        found |= {name: disk for name, disk in _reading(root).items() if name in refused}
    return [disk for disk in found.values() if disk]


def _ask(root: Path) -> dict[str, DiskLife | None]:
    """What each controller says, by name; None for one that tells nothing."""
    found: dict[str, DiskLife | None] = {}
    for controller in sorted((root / "sys/class/nvme").glob("nvme[0-9]*")):
        name = controller.name
        try:
            found[name] = smart(name, _smart_log(root / "dev" / name))
        except PermissionError:
            found[name] = DiskLife(name, "NVMe", None, None, None, refused=True)
        except OSError:
            found[name] = None
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
