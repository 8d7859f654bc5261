"""The disk: its partition table, which the two systems lie in, and the ext4 of avatars and videos.

Where the NOR belongs to the board's maker, as a Jetson's does, the configuration lies on the disk as well, in an ext4
of its own; and then the table has more than our partitions, and only the maker's programs can make it anew.

Volumes are mounted read-only, and writable only while something of ours writes.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from appliance.console.pages.words import N
from appliance.console.recovery import devices
from appliance.console.recovery.flash import Configuration
from appliance.console.recovery.layout import Layout, Partition
from appliance.console.recovery.volume import Look, kernel_says, mount, unmount, writable
from appliance.console.recovery.work import run
from appliance.errors import UnhealthyError
from appliance.storage.config import FILE, ConfigStore
from appliance.volumes import Volumes

CONFIG: Final = "config"
DATA: Final = "data"
_SECTOR: Final = 512
_APPEARS_S: Final = 10.0
_ABSENT: Final = "the disk is not there, or does not answer"


def table(parts: Sequence[Partition]) -> str:
    """For sfdisk. The firmware may lie in front of where it would begin by itself."""
    lines = ["label: gpt", f"first-lba: {parts[0].start // _SECTOR}"]
    for part in parts:
        size = f", size={part.size // _SECTOR}" if part.size else ""
        lines.append(f'name="{part.name}", start={part.start // _SECTOR}{size}')
    return "\n".join(lines) + "\n"


class Disk:
    """The table of partitions."""

    name = "disk"
    title = N("Disk")
    holds = N("Both systems, avatars and videos")
    loses = N("Everything on the disk: both systems, every avatar and every video. Then a system has to be installed.")

    def __init__(self, layout: Layout, data: Data, config: Configuration) -> None:
        self._layout, self._data, self._config = layout, data, config

    def look(self) -> Look:
        if not devices.is_there(self._layout.disk):
            return Look("off", _ABSENT)
        missing = [part.name for part in self._layout.partitions if not self._found(part.name)]
        if missing:
            return Look("problem", f"the partition {missing[0]} is missing", True, self._layout.whole)
        return Look("ok", f"{self._layout.disk} has every partition", False, self._layout.whole)

    def repair(self) -> None:
        """Write the table anew from its copy at the end of the disk."""
        self._data.detach()
        self._config.detach()
        table = run("sfdisk", "--dump", self._layout.disk)
        self._write(table)
        self._config.attach()
        self._data.attach()

    def format(self) -> None:
        if not devices.is_there(self._layout.disk):
            raise UnhealthyError(_ABSENT)
        if not self._layout.whole:
            raise UnhealthyError("the disk has partitions of the boot loader as well", hint="flash the board again")
        self._data.detach()
        self._write(table(self._layout.partitions))
        self._data.format()

    def _write(self, table: str) -> None:
        run("sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "never", self._layout.disk, given=table)
        end = time.monotonic() + _APPEARS_S
        while not all(self._found(part.name) for part in self._layout.partitions):
            if time.monotonic() > end:
                raise UnhealthyError("the partitions do not appear", hint="reboot into recovery, and look again")
            time.sleep(0.1)

    def _found(self, name: str) -> bool:
        return devices.partition(name, self._layout.disk) is not None


class _Ext4:
    """A partition of the disk, mounted read-only at its place."""

    def __init__(self, layout: Layout, name: str, place: Path) -> None:
        self._layout, self._name, self._place = layout, name, place

    def attach(self) -> None:
        """Silent where that fails, `fault` says it."""
        device = self._found()
        if device is not None and not self._place.is_mount():
            with contextlib.suppress(UnhealthyError):
                mount("ext4", str(device), self._place, "ro")

    def detach(self) -> None:
        unmount(self._place)

    def fault(self) -> Look | None:
        device = self._found()
        if device is None:
            return Look("off", self._missing())
        if not self._place.is_mount():
            return Look("problem", kernel_says("EXT4-fs", device.name) or "it cannot be mounted", can_format=True)
        return None

    def device(self) -> str:
        """`UnhealthyError` where it is not there."""
        device = self._found()
        if device is None:
            raise UnhealthyError(self._missing())
        return str(device)

    def _found(self) -> Path | None:
        return devices.partition(self._name, self._layout.disk)

    def _missing(self) -> str:
        return "the disk has no such partition" if devices.is_there(self._layout.disk) else _ABSENT


class Data:
    name = DATA
    title = N("Avatars and videos")
    holds = N("Avatars, uploads, finished videos")
    loses = N("Every avatar and every video on this box. Make a backup first, if it can still be read.")

    def __init__(self, layout: Layout, place: Path) -> None:
        self._ext4 = _Ext4(layout, DATA, place)

    def attach(self) -> None:
        self._ext4.attach()

    def detach(self) -> None:
        self._ext4.detach()

    def look(self) -> Look:
        fault = self._ext4.fault()
        if fault is None:
            return Look("ok", "it can be read", True, True)
        return dataclasses.replace(fault, can_repair=fault.can_format)

    def repair(self) -> None:
        """Let e2fsck mend what it can; it answers 1 where it mended something."""
        self.detach()
        try:
            run("e2fsck", "-f", "-y", self._ext4.device(), accepted=(0, 1))
        finally:
            self.attach()
        self._must_be_mounted()

    def format(self) -> None:
        self.detach()
        run("mkfs.ext4", "-F", "-q", "-L", DATA, self._ext4.device())
        self.attach()
        self._must_be_mounted()

    def _must_be_mounted(self) -> None:
        if fault := self._ext4.fault():
            raise UnhealthyError(fault.message)


class ConfigurationOnDisk(Configuration):
    """The same as a file in the partition `config`."""

    def __init__(self, layout: Layout, volumes: Volumes) -> None:
        super().__init__(volumes)
        self._ext4 = _Ext4(layout, CONFIG, volumes.config)
        self.store = _Store(volumes)

    def attach(self) -> None:
        self._ext4.attach()

    def detach(self) -> None:
        self._ext4.detach()

    def look(self) -> Look:
        return self._ext4.fault() or self._content()

    def format(self) -> None:
        device = self._ext4.device()
        self.detach()
        run("mkfs.ext4", "-F", "-q", device)
        self.attach()


class _Store(ConfigStore):
    """Writes to a volume that is mounted read-only.

    It makes no file: that would be root's, whom the box does not run as.
    """

    def __init__(self, volumes: Volumes) -> None:
        super().__init__(volumes)
        self._place = volumes.config

    def update(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        if not (self._place / FILE).exists():
            raise UnhealthyError("this box is not set up", hint="it asks for a password when it starts")
        with writable(self._place):
            return super().update(change)
