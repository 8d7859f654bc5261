"""Can every volume be written?

A file is really written, synced and removed where that costs nothing that matters; access rights alone do not show a
failing disk. The NOR flash is spared: there only the mount state and the rights are looked at. A volume that does not
exist yet must have a directory above it in which it can be made; nothing is made here.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from appliance.findings import Finding, Status
from appliance.storage import atomic
from appliance.supervisor.health.disk_space import standing_at
from appliance.supervisor.health.fixup import Fixup
from appliance.volumes import Volumes

_CHECK = "volumes"


def check(volumes: Volumes, *, by_writing: bool = True) -> Iterator[Finding]:
    """Without `by_writing` only mount states and rights are looked at: what runs every minute must not wear flash."""
    faults = [
        fault
        for path, may_write in (
            (volumes.data, True),
            (volumes.cache, True),
            (volumes.state, True),
            (volumes.config, False),
        )
        if (fault := _fault(path, by_writing=by_writing and may_write))
    ]
    for message, fix in faults:
        yield Finding(_CHECK, Status.PROBLEM, message, fix)
    if not faults:
        yield Finding(_CHECK, Status.OK, f"all can be written below {volumes.root}")


def fixup(volumes: Volumes) -> Fixup:
    def make() -> str:
        wanted = (volumes.data, volumes.cache, volumes.state, volumes.config)
        missing = [path for path in wanted if not path.is_dir()]
        for path in missing:
            path.mkdir(parents=True)
        return f"made {', '.join(map(str, missing))}" if missing else "no directory was missing"

    return Fixup(_CHECK, "Makes the directories of volumes that are missing.", make)


def _fault(path: Path, *, by_writing: bool) -> tuple[str, str] | None:
    """What keeps the volume from being written and the fix, or None."""
    place = standing_at(path)
    if not place.is_dir():
        return f"{place} is a file, but a directory is needed", f"move {place} away"
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"{place} is mounted read-only", "look at `dmesg` for disk errors, then remount it or reboot"
    if not os.access(place, os.W_OK | os.X_OK):
        return f"{place} cannot be written by this user", f"chown it to the user that runs mouthpiece: {place}"
    if by_writing and place == path:
        try:
            with tempfile.NamedTemporaryFile(prefix=atomic.PREFIX, dir=place) as file:
                file.write(b"doctor")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return f"writing to {place} failed: {error.strerror}", "look at disk space here and at `dmesg` for errors"
    return None
