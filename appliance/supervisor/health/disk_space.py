"""Is there room on every volume?

A volume whose directory does not exist yet is measured where it will be made. Volumes that share a file system (all
of them on a laptop) are judged by the one that needs most.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.findings import Finding, Status
from appliance.supervisor.health.fixup import Fixup
from appliance.volumes import Volumes

_CHECK = "disk space"
_KIB, _MIB = 1 << 10, 1 << 20


@dataclass(frozen=True, slots=True)
class Need:
    """Free bytes below which a volume gets a warning, and below which it cannot do its work."""

    name: str
    path: Path
    warn: int
    fail: int
    fix: str


def needs(volumes: Volumes) -> list[Need]:
    return [
        # Largest first, so that on a shared file system the hardest need speaks.
        Need("data", volumes.data, 2048 * _MIB, 512 * _MIB, f"delete old videos from {volumes.outputs}"),
        # Not the cache: it fills its volume on purpose, and lives with one that is full.
        Need("nand/state", volumes.state, 8 * _MIB, 2 * _MIB, f"look for strange files in {volumes.state}"),
        Need("nor/config", volumes.config, 64 * _KIB, 16 * _KIB, f"look for strange files in {volumes.config}"),
    ]


def standing_at(path: Path) -> Path:
    """The path itself or, while it does not exist, the nearest directory above it that does."""
    while not path.exists():
        path = path.parent
    return path


def check(volumes: Volumes) -> Iterator[Finding]:
    seen: set[int] = set()
    for need in needs(volumes):
        place = standing_at(need.path)
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        state = os.statvfs(place)
        free = state.f_bavail * state.f_frsize
        message = f"{need.name}: {free / _MIB:,.0f} MiB free at {place}"
        if free < need.fail:
            yield Finding(_CHECK, Status.PROBLEM, f"{message}, {need.fail / _MIB:g} MiB are needed", need.fix)
        elif free < need.warn:
            yield Finding(_CHECK, Status.WARNING, f"{message}, under {need.warn / _MIB:g} MiB", need.fix)
        else:
            yield Finding(_CHECK, Status.OK, message)


def fixup(free: Callable[[], str]) -> Fixup:
    """`free` removes what may go and says what it was; the room that owns the files brings it."""
    return Fixup(_CHECK, "Removes old videos and uploads, as the settings allow, and what broken-off work left.", free)
