"""What the console knows of the box: its volumes, job database, configuration and the line to the supervisor.

The configuration is read again at most once a second, so that a change made by another process (a password reset on
the serial console) takes effect without a word between the two, on a file as on a raw flash device.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from flask import current_app

from appliance.control import Control
from appliance.errors import ApplianceError
from appliance.jobs.store import JobStore
from appliance.settings import Settings
from appliance.storage.config import ConfigStore
from appliance.volumes import Volumes

_STALE_S: Final = 1.0


class Box:
    """Thread-safe; one for each process."""

    def __init__(self, volumes: Volumes) -> None:
        for folder in (volumes.config, volumes.state, volumes.uploads, volumes.outputs, volumes.avatars, volumes.run):
            folder.mkdir(parents=True, exist_ok=True)
        self.volumes = volumes
        self.jobs = JobStore(volumes.jobs)
        self.control = Control(volumes)
        self.config = ConfigStore(volumes)
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self._read_at = -_STALE_S

    def configuration(self) -> dict[str, Any]:
        """What the configuration store holds, at most a second old. Not to be changed: see `configure`."""
        with self._lock:
            if time.monotonic() - self._read_at >= _STALE_S:
                self._known = self.config.read()
                self._read_at = time.monotonic()
            return self._known

    def configure(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Change the configuration durably, and know it at once."""
        with self._lock:
            self._known = self.config.update(change)
            self._read_at = time.monotonic()
            return self._known

    def tell_end(self, job: str, state: str | None) -> None:
        """Let open pages know of a job that the worker will not speak of any more; None if it is gone."""
        with contextlib.suppress(ApplianceError, OSError):
            self.control.ask("announce", name=f"job:{job}", value={"state": state} if state else None)

    def settings(self) -> Settings:
        return Settings.of(self.configuration().get("settings", {}))


def the_box() -> Box:
    """The box that the running application manages."""
    box: Box = current_app.extensions["box"]
    return box


def free_bytes(path: Path) -> int:
    """How much an ordinary user may still write where `path` lies."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize
