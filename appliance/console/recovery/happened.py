"""What happened: why recovery runs, what the box said last, and what became of its updates.

Nothing here changes anything. What cannot be told says why instead.
"""

from __future__ import annotations

import contextlib
import itertools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from appliance.console.pages.words import N
from appliance.errors import ApplianceError
from appliance.storage import disk_life, logs
from appliance.storage.logs import Record
from appliance.update import rauc
from appliance.update.history import History
from appliance.volumes import Volumes

REASONS: Final = {
    "asked": N("Somebody asked for it."),
    "no-slot": N("Neither system starts: each has used up its attempts, or cannot be loaded."),
    "environment": N(
        "The boot order cannot be written, so no system is tried: one that hangs would be tried for ever."
    ),
    "": N("It was started by hand."),
}
"""By the word that the boot script gives (boot/uboot/mouthpiece.env), or rootfs-overlay/usr/lib/mouthpiece/recovery."""
_PSTORE: Final = Path("/sys/fs/pstore")
_RECORDS: Final = 200
_LINES: Final = 40
_EVENTS: Final = 10


def reason(root: Path = Path("/")) -> str:
    """Why recovery runs: U-Boot says it on the kernel's command line, and process 1 asks other firmware."""
    words = (root / "proc/cmdline").read_text().split()
    found = [word.partition("=")[2] for word in words if word.startswith("mouthpiece.recovery=")]
    with contextlib.suppress(OSError):
        found.append((root / "run/mouthpiece/reason").read_text().strip())
    return found[-1] if found and found[-1] in REASONS else ""


@dataclass(frozen=True, slots=True)
class Slots:
    """`trouble` says why nothing is known."""

    slots: tuple[rauc.Slot, ...] = ()
    compatible: str = ""
    primary: str = ""
    trouble: str = ""


def slots() -> Slots:
    try:
        found = rauc.system(outside=True)
    except ApplianceError as error:
        return Slots(trouble=error.message)
    return Slots(tuple(sorted(found.slots, key=lambda slot: slot.bootname)), found.compatible, found.primary)


@dataclass(frozen=True, slots=True)
class Said:
    """The log, the newest record first, and the kernel's last lines of a boot that ended in a panic."""

    records: list[Record] = field(default_factory=list)
    trouble: str = ""
    kernel: list[str] = field(default_factory=list)


def said(volumes: Volumes, level: str = "INFO") -> Said:
    kernel = _kernel()
    if not volumes.logs.is_dir():
        return Said(trouble="the log is on a volume that cannot be read", kernel=kernel)
    try:
        found = list(itertools.islice(logs.read(volumes.logs, level=level, newest_first=True), _RECORDS))
    except (ApplianceError, OSError) as error:
        return Said(trouble=str(error), kernel=kernel)
    return Said(found, "" if found else "the log is empty", kernel)


def _kernel() -> list[str]:
    """What the kernel left in memory that survives a reset."""
    lines: list[str] = []
    for file in sorted(_PSTORE.glob("*")):
        try:
            lines += file.read_text(errors="replace").splitlines()[-_LINES:]
        except OSError:
            continue
    return lines


def updates(volumes: Volumes) -> list[dict[str, Any]]:
    """The last events of the history of updates, the newest first; none where it cannot be read."""
    try:
        return History(volumes).read()[: -_EVENTS - 1 : -1]
    except ApplianceError:
        return []


def disks() -> list[disk_life.DiskLife]:
    """The disks that tell their wear."""
    return disk_life.disks()
