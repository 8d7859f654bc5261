"""`mouthpiece run`: the whole box in the foreground, and the table of its processes."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

import click

from appliance.errors import ApplianceError, UnhealthyError
from appliance.terminal import say
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.capture.devices import Microphone
    from appliance.findings import Check
    from appliance.settings import Settings
    from appliance.storage.logs import Record
    from appliance.supervisor.health.fixup import Fixup
    from appliance.supervisor.plan import Plan, Publish
    from appliance.supervisor.spec import ChildSpec
    from appliance.update.trial import Trial

_MB = 1_000_000
_SHOWN = ("WARNING", "ERROR", "CRITICAL")


@click.command()
@click.option("--host", help="Address that the console listens on (default: the setting `host`).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port for HTTP (default: the setting `port`).")
@click.pass_obj
def run(volumes: Volumes, host: str | None, port: int | None) -> None:
    """Start the box: worker, console, recorder. Ctrl-C stops it in order."""
    from appliance.supervisor.plan import Injected
    from appliance.supervisor.supervisor import Supervisor
    from appliance.supervisor.wear_watch import WearWatch

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}

    def serving(child: str) -> None:
        if child == "console":
            now = settings(volumes, given)
            shown = f"[{now.host}]" if ":" in now.host else now.host
            with contextlib.suppress(OSError):
                click.echo(f"Mouthpiece is at http://{shown}:{now.port}/")
                _show_code(volumes)

    microphones = _Microphones(volumes)
    injected = Injected(
        checks=every_check(volumes),
        fixups=_fixups(volumes),
        watchers=[microphones.watch, WearWatch(volumes).watch, trial(volumes).watch],
        serving=serving,
        echo=_echo,
    )

    def planned() -> Plan:
        microphones.publish()  # another one may be preferred now
        return plan(volumes, given)

    _finish_restore(volumes)
    Supervisor(volumes, planned, injected).run()


def _finish_restore(volumes: Volumes) -> None:
    """Go on with a restore that a power cut interrupted; a box that starts without it is better than none."""
    from appliance.jobs import saved
    from appliance.update import restore

    try:
        restore.resume(volumes, lambda lines: saved.adopt(volumes.jobs, lines))
    except ApplianceError as error:
        say(f"warning: {error.message}")


def _show_code(volumes: Volumes) -> None:
    """The pairing code, for whoever stands before the box: on its terminal, and in no log."""
    from appliance.console.security import first_boot

    with contextlib.suppress(FileNotFoundError):
        click.echo(f"Setting it up over the network takes the code {first_boot.code_file(volumes).read_text().strip()}")


def trial(volumes: Volumes) -> Trial:
    """What decides whether the system that was booted is good."""
    from appliance.control import Control
    from appliance.update import reboot
    from appliance.update.trial import Trial

    def tell(level: str, message: str) -> None:
        with contextlib.suppress(ApplianceError):
            Control(volumes).ask("log", level=level, part="update", message=message)

    return Trial(volumes, Control(volumes).findings, lambda: reboot.request(volumes), tell)


def settings(volumes: Volumes, given: dict[str, str | int]) -> Settings:
    """The settings in force, with those of this command's own options."""
    from appliance.settings import Settings
    from appliance.storage.config import ConfigStore

    stored: dict[str, Any] = {}
    with contextlib.suppress(UnhealthyError):  # a finding says so; a box with the defaults is better than none
        stored = ConfigStore(volumes).read().get("settings", {})
    return Settings.of({**stored, **given})


def plan(volumes: Volumes, given: dict[str, str | int]) -> Plan:
    """What the settings ask of the supervisor."""
    from appliance.supervisor.plan import Plan

    now = settings(volumes, given)
    return Plan(children(volumes, now, given), now.log_level, now.log_total_mb * _MB)


def children(volumes: Volumes, now: Settings, given: dict[str, str | int]) -> tuple[ChildSpec, ...]:
    """The table of the box's processes. The console reads its settings itself; `given` goes before them.

    `MOUTHPIECE_PATIENCE`, where a machine's own service file sets it, is how many times longer they may take to start.
    """
    from appliance.supervisor.spec import ChildSpec, Limits

    patience = float(os.environ.get("MOUTHPIECE_PATIENCE", "1"))

    def command(name: str, *options: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "appliance", "--data", str(volumes.root), name, *options)

    def rate(mbps: float) -> int:
        return round(mbps * _MB)

    return (
        ChildSpec(
            "console",
            command("console", *(f"--{name}={value}" for name, value in given.items())),
            ready_s=60 * patience,
            stop_s=3,
            stops_last=True,
            limits=Limits(
                now.console_memory_high_mb * _MB,
                now.console_cpu_weight,
                rate(now.console_read_mbps),
                rate(now.console_write_mbps),
            ),
        ),
        ChildSpec(
            "worker",
            command("worker"),
            ready_s=120 * patience,
            stop_s=9,
            limits=Limits(
                now.worker_memory_high_mb * _MB,
                now.worker_cpu_weight,
                rate(now.worker_read_mbps),
                rate(now.worker_write_mbps),
            ),
        ),
        ChildSpec(
            "recorder",
            command("recorder"),
            ready_s=20 * patience,
            stop_s=5,
            on_demand=True,
            limits=Limits(
                now.recorder_memory_high_mb * _MB,
                now.recorder_cpu_weight,
                rate(now.recorder_read_mbps),
                rate(now.recorder_write_mbps),
            ),
        ),
    )


class _Microphones:
    """The state "microphones": which are plugged in, and which would be used."""

    def __init__(self, volumes: Volumes) -> None:
        self._volumes = volumes
        self._present: list[Microphone] = []
        self._publish: Publish | None = None

    def watch(self, publish: Publish) -> None:
        from appliance.capture.devices import Watcher

        self._publish = publish
        Watcher(self._changed)

    def publish(self) -> None:
        from appliance.capture import choose

        if self._publish:
            self._publish("microphones", choose.state(self._present, settings(self._volumes, {}).microphone))

    def _changed(self, present: list[Microphone]) -> None:
        self._present = present
        self.publish()


def every_check(volumes: Volumes) -> list[Check]:
    """The checks of a box that runs; those of its processes are the supervisor's own."""
    from appliance.capture import checks as microphones
    from appliance.findings import Check
    from appliance.pipeline import face_models
    from appliance.pipeline.hardware.checks import temperature_check
    from appliance.pipeline.hardware.telemetry import sample
    from appliance.storage import nor_model
    from appliance.storage.config import ConfigStore
    from appliance.supervisor import health
    from appliance.supervisor.health import models
    from appliance.update import checks as updates

    files = [
        models.ModelFile(face_models.MODELS / face_models.DETECTOR.name, face_models.DETECTOR.sha256),
        models.ModelFile(face_models.MODELS / face_models.MESH.name, face_models.MESH.sha256),
        models.ModelFile(face_models.MODELS / "base.onnx"),
        models.ModelFile(face_models.MODELS / "base.safetensors"),
    ]
    return [
        *health.checks(volumes, by_writing=False),
        Check("temperature", lambda: temperature_check(sample())),
        Check("models", lambda: models.check(files)),
        Check(nor_model.CHECK, lambda: nor_model.findings(volumes)),
        *microphones.checks(lambda: settings(volumes, {}).microphone),
        Check("config", ConfigStore(volumes).findings),
        Check(updates.CHECK, lambda: updates.check(volumes)),
    ]


def _fixups(volumes: Volumes) -> list[Fixup]:
    from appliance.supervisor.health import disk_space, volumes_writable
    from appliance.supervisor.health.fixup import Fixup
    from appliance.update import checks as updates
    from appliance.update import slots

    slot = Fixup(updates.CHECK, updates.MARKS, lambda: slots.mark_good(volumes, "hand"))
    return [volumes_writable.fixup(volumes), disk_space.fixup(lambda: _free(volumes)), slot]


def _free(volumes: Volumes) -> str:
    """Make room as the settings allow; says what went."""
    from appliance.jobs import retention
    from appliance.jobs.store import JobStore

    now = settings(volumes, {})
    store = JobStore(volumes.jobs)
    try:
        removed = retention.apply(volumes, store, now)
        retention.sweep(volumes, store, now)
    finally:
        store.close()
    return f"removed {len(removed)} old videos, and uploads and leftovers that nothing needs"


def _echo(record: Record) -> None:
    """What goes wrong is also shown where the box was started, if somebody still looks there."""
    if record.level in _SHOWN:
        with contextlib.suppress(OSError):
            say(f"{record.level.lower()}: {record.part}: {record.message}")
