"""Disks that were plugged in: a place for backups, and where bundles may come from.

Whatever has a file system and is not on the board's own disk counts, a USB stick as well as a card. One is mounted only
while it is used, so it may be pulled out at any other time.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.console.recovery import devices
from appliance.console.recovery.layout import Layout
from appliance.console.recovery.volume import mount, unmount
from appliance.console.recovery.work import run
from appliance.errors import ApplianceError, InputError, UnhealthyError
from appliance.volumes import Volumes

_OPTIONS: Final = {"vfat": ("quiet", "utf8"), "exfat": (), "ext4": (), "ext3": (), "ext2": ()}
"""The file systems that are known; FAT has no rights to set, and says nothing then."""
BUNDLES: Final = "*.raucb"


@dataclass(frozen=True, slots=True)
class Stick:
    name: str
    """The kernel's name of the device, such as sda1."""
    label: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True)
class StickFile:
    stick: Stick
    name: str
    size: int


class Sticks:
    def __init__(self, layout: Layout, volumes: Volumes) -> None:
        self._layout, self._place = layout, volumes.run / "stick"

    def all(self) -> list[Stick]:
        found = []
        for block in devices.blocks():
            if block.disk == self._layout.disk or not block.size:
                continue
            kind, label = _file_system(block.device)
            if kind in _OPTIONS:
                found.append(Stick(block.device.name, label, kind, block.size))
        return found

    def named(self, name: str) -> Stick:
        for stick in self.all():
            if stick.name == name:
                return stick
        raise InputError("the stick is not there any more", hint="plug it in, wait a moment, and try again")

    @contextlib.contextmanager
    def mounted(self, name: str, *, writable: bool = False) -> Iterator[Path]:
        """The stick's files, while the block runs; then all is written to it."""
        stick = self.named(name)
        unmount(self._place)
        mount(stick.kind, f"/dev/{name}", self._place, "rw" if writable else "ro", *_OPTIONS[stick.kind])
        try:
            yield self._place
        finally:
            with contextlib.suppress(UnhealthyError):  # it was pulled out
                unmount(self._place)

    def bundles(self) -> list[StickFile]:
        """The bundles that lie at the top of any stick. A stick that cannot be read is left out."""
        found = []
        for stick in self.all():
            with contextlib.suppress(ApplianceError, OSError), self.mounted(stick.name) as place:
                found += [StickFile(stick, path.name, path.stat().st_size) for path in sorted(place.glob(BUNDLES))]
        return found


def _file_system(device: Path) -> tuple[str, str]:
    """Its kind and label; empty where there is none."""
    with contextlib.suppress(UnhealthyError):
        said = dict(re.findall(r'(\w+)="([^"]*)"', run("blkid", str(device), accepted=(0, 1, 2))))
        return said.get("TYPE", ""), said.get("LABEL", "")
    return "", ""
