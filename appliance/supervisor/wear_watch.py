"""The state "storage": how worn the box's storage is, who writes to it, and how long it will last.

A watcher, on a thread of its own: it looks every `EVERY_S`, publishes `appliance.storage.wear_report`'s value, and adds
a sample to the history every hour. A state volume that cannot be written costs the history, not the state.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import Any, Final

from appliance.control import Control
from appliance.errors import ApplianceError
from appliance.storage import wear_history, wear_report, written
from appliance.storage.wear_history import Sample
from appliance.supervisor.plan import Publish
from appliance.volumes import Volumes

STATE: Final = "storage"
EVERY_S: Final = 300.0


class WearWatch:
    """Give `watch` to the supervisor as a watcher. `root` is where the kernel's /sys and /proc are found."""

    def __init__(self, volumes: Volumes, root: Path = Path("/")) -> None:
        self._volumes, self._root = volumes, root
        self._file = wear_history.path(volumes)
        self._control = Control(volumes)
        self._seen: dict[int, int] = {}
        self._written: dict[str, float] = {}

    def watch(self, publish: Publish) -> None:
        while True:
            publish(STATE, self.look())
            time.sleep(EVERY_S)

    def look(self) -> dict[str, Any]:
        """The state of this moment; records it when the last record is an hour old."""
        self._count()
        seen = wear_report.look(self._volumes, self._root)
        sample = Sample(seen.time, wear_report.counters(seen, self._written))
        samples = wear_history.read(self._file, sample.time)
        if not samples or sample.time - samples[-1].time >= wear_history.EVERY_S:
            with contextlib.suppress(OSError):  # the check of the volumes says so
                wear_history.record(self._file, sample)
        return wear_report.report(seen, [*samples, sample])

    def _count(self) -> None:
        """Add up what each process has written since the last look; one that began anew begins at nothing."""
        running = {"supervisor": os.getpid()}
        with contextlib.suppress(ApplianceError, OSError):
            running |= {child["name"]: child["pid"] for child in self._control.ask("status")["children"]}
        seen = {}
        for name, pid in running.items():
            written_now = written.process_bytes(pid, self._root) if pid else None
            if pid and written_now is not None:
                seen[pid] = written_now
                new = written_now - self._seen.get(pid, 0)
                self._written[name] = self._written.get(name, 0) + max(new, 0)
        self._seen = seen
