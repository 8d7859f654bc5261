"""Installing a system. RAUC verifies the bundle, writes it and makes its slot the next to boot; no slot runs now.

Any version is taken, older ones too: recovery is the last resort, and whoever is here knows the password or stands
before the box. A bundle that is damaged, foreign, or not signed for this box is refused by RAUC.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, Protocol

from appliance.console.recovery import devices
from appliance.console.recovery.layout import Layout
from appliance.console.recovery.volume import writable
from appliance.errors import InputError, UnhealthyError
from appliance.update import rauc
from appliance.update.history import RECOVERED, History
from appliance.update.step import Step
from appliance.volumes import Volumes

_PIECE: Final = 1 << 20
_SPARE: Final = 96 << 20
"""Memory that is left for the rest."""


class Source(Protocol):
    def read(self, size: int = ..., /) -> bytes: ...


def folder(volumes: Volumes) -> Path:
    """Where uploads lie: in memory, for no volume may be taken for granted."""
    return volumes.run / "upload"


def room(volumes: Volumes) -> int:
    """Bytes that an upload may have. It is in memory three times: in the body, taken out of it, and as what is kept."""
    found = os.statvfs(volumes.run)
    return max(0, min(_available(), found.f_bavail * found.f_frsize) - _SPARE) // 3


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def keep(volumes: Volumes, source: Source, name: str) -> Path:
    """Write an upload down, whole or not at all; one that was there before goes."""
    forget(volumes)
    place = folder(volumes)
    safe = Path(name).name or "bundle"
    target = place / f"{safe.removesuffix('.raucb')[:100]}.raucb"
    try:
        place.mkdir(parents=True)
        with target.open("wb") as file:
            shutil.copyfileobj(source, file, _PIECE)
    except OSError as error:
        forget(volumes)
        raise UnhealthyError(
            f"the upload cannot be kept: {error.strerror or error}", hint="bring it on a USB stick instead"
        ) from error
    if not target.stat().st_size:
        forget(volumes)
        raise InputError("no file was sent", hint="choose a bundle, a file that ends in .raucb")
    return target


def forget(volumes: Volumes) -> None:
    """Give the memory of an upload back."""
    shutil.rmtree(folder(volumes), ignore_errors=True)


def install(layout: Layout, volumes: Volumes, bundle: Path, name: str, step: Step) -> str:
    """Install a bundle, and write that down where the box does; says so. `InputError` where RAUC refuses it."""
    if not devices.is_there(layout.disk):
        raise InputError("the disk is not there, so there is nothing to install to", hint="replace the disk first")
    devices.link(layout.disk)
    found = rauc.inspect(bundle, name)
    wanted = rauc.system(outside=True).compatible
    if found.compatible != wanted:
        raise InputError(
            f"{name} is for {found.compatible}; this box is a {wanted}", hint="get the bundle for this kind of board"
        )
    rauc.install(bundle, step)
    if is_noted(volumes, found.version, rauc.system(outside=True).primary):
        return f"version {found.version} is installed; the next start tries it"
    return f"version {found.version} is installed; the next start tries it. The history of updates cannot be written"


def is_noted(volumes: Volumes, version: str, slot: str) -> bool:
    """Whether the history of updates, on the volume `state`, could be told that this was installed."""
    if not volumes.state.is_mount():
        return False
    try:
        with writable(volumes.state):
            History(volumes).add(RECOVERED, version, slot)
    except UnhealthyError:
        return False
    return True
