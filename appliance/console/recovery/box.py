"""The box in recovery: its volumes, configuration, errands and proofs, as one thing that both faces use.

It answers `configuration()` as the console's `Box` does, so that what of the console is used here (languages, host
names, time zone) works; it holds no job queue and opens no volume by itself.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.console.recovery import bundles, reset
from appliance.console.recovery.errand import Errands
from appliance.console.recovery.layout import Layout
from appliance.console.recovery.presence import Presence
from appliance.console.recovery.sticks import Sticks
from appliance.console.recovery.volumes import BoxVolumes
from appliance.console.recovery.work import run
from appliance.console.security import passwords
from appliance.console.security.throttle import Throttle
from appliance.errors import ApplianceError, InputError
from appliance.jobs import saved
from appliance.jobs.store import JobStore
from appliance.update.backup import Backup
from appliance.update.step import Step
from appliance.volumes import Volumes

_STALE_S: Final = 1.0
_ANSWER_S: Final = 1.5
Work = Callable[[Step], str]


class RecoveryBox:
    """Thread-safe. Each `..._work` is for `Errands`: it says at its end what it did."""

    def __init__(self, layout: Layout, volumes: Volumes) -> None:
        volumes.run.mkdir(parents=True, exist_ok=True)
        self.layout, self.volumes = layout, volumes
        self.parts = BoxVolumes(layout, volumes)
        self.sticks = Sticks(layout, volumes)
        self.errands = Errands()
        self.throttle = Throttle()
        self.presence = Presence(volumes, self.throttle)
        self.epoch = secrets.token_hex(8)
        """Of sessions: a new password begins a new one."""
        self._lock = threading.Lock()
        self._known: dict[str, Any] = {}
        self._read_at = -_STALE_S

    def configuration(self) -> dict[str, Any]:
        """What the configuration holds, at most a second old; nothing where it cannot be read."""
        with self._lock:
            if time.monotonic() - self._read_at >= _STALE_S:
                self._read_at = time.monotonic()
                self._known = {}
                with contextlib.suppress(ApplianceError):
                    self._known = self.parts.config.store.read()
            return self._known

    def is_password(self, given: str) -> bool:
        return passwords.matches((self.configuration().get("admin") or {}).get("hash", ""), given)

    def reset_password(self, password: str) -> None:
        reset.reset_password(self.parts.config, password)
        self.epoch = secrets.token_hex(8)
        with self._lock:
            self._read_at = -_STALE_S

    def repair_work(self, name: str) -> Work:
        volume = self.parts.named(name)

        def work(_: Step) -> str:
            volume.repair()
            return f"the volume {volume.name} was repaired"

        return work

    def format_work(self, name: str, typed: str) -> Work:
        """`InputError`, now, unless the name was typed."""
        volume = self.parts.confirmed(name, typed)

        def work(_: Step) -> str:
            volume.format()
            return f"the volume {volume.name} was made anew"

        return work

    def upload_work(self, bundle: Path) -> Work:
        def work(step: Step) -> str:
            try:
                return bundles.install(self.layout, self.volumes, bundle, bundle.name, step)
            finally:
                bundles.forget(self.volumes)

        return work

    def stick_work(self, stick: str, name: str) -> Work:
        """Install a bundle from a stick."""

        def work(step: Step) -> str:
            with self.sticks.mounted(stick) as place:
                if name not in [path.name for path in place.iterdir()]:
                    raise InputError(f"the stick has no file {name[:100]}", hint="look again at what it has")
                return bundles.install(self.layout, self.volumes, place / name, name, step)

        return work

    def backup(self) -> Backup:
        """What can still be saved. Volumes that cannot be read are not in it."""
        return Backup(self.volumes, self._jobs())

    def backup_work(self, stick: str, passphrase: str) -> Work:
        def work(step: Step) -> str:
            name = self.configuration().get("name") or "mouthpiece"
            with self.sticks.mounted(stick, writable=True) as place:
                target = _new_name(place, f"{name}-{time.strftime('%Y-%m-%d')}")
                self.backup().write(target, passphrase, step)
            return f"the backup {target.name} is on the stick; it may be pulled out"

        return work

    def _jobs(self) -> bytes:
        """The finished jobs, read from a copy: the volume is mounted read-only, where SQLite cannot have its index."""
        with tempfile.TemporaryDirectory(dir=self.volumes.run) as scratch, contextlib.suppress(Exception):
            for path in self.volumes.state.glob(f"{self.volumes.jobs.name}*"):
                if not path.name.endswith("-shm"):
                    shutil.copy(path, scratch)
            copy = Path(scratch) / self.volumes.jobs.name
            if copy.exists():
                return saved.lines(JobStore(copy))
        return b""

    def reboot(self) -> None:
        """Let go of every volume, and reboot."""
        with contextlib.suppress(ApplianceError):
            self.parts.detach()
        os.sync()
        run("reboot", "-f")

    def reboot_soon(self) -> None:
        """The same, once whoever asked has an answer."""
        threading.Timer(_ANSWER_S, self.reboot).start()


def _new_name(place: Path, stem: str) -> Path:
    taken = {path.name for path in place.iterdir()}
    names = (f"{stem}{'' if number == 1 else f'-{number}'}.backup" for number in range(1, 1000))
    return place / next(name for name in names if name not in taken)
