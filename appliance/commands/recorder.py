"""The hidden `mouthpiece recorder`, which the supervisor starts for the kiosk: one recording, kept as an upload.

`recorder --id ID` publishes the state "recording" about ten times a second:

    {"id", "state", "seconds", "level_db", "peak_db", "noise_db", "clipped", "microphone",
     "upload", "ended", "message", "hint"}

`state` is opening, listening, speech and at the end done, failed or cancelled; `ended` is then a `recorder.Ended`,
`upload` the id of what was kept, `message` and `hint` what to tell the visitor. SIGTERM ends the recording and keeps
it, SIGINT throws it away, SIGPWR makes durable what there is and leaves. While it is made a recording lies in
`data/recordings/ID.wav`; what a killed recorder left there, the next one makes an upload of.
"""

from __future__ import annotations

import fcntl
import logging
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from appliance.commands.record import listening_network, microphone_of, orders_of, plan_of, settings_of, voice_activity
from appliance.errors import ApplianceError, InputError
from appliance.link import Link, set_up_logging
from appliance.settings import Settings
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.capture.recorder import Meter

_log = logging.getLogger(__name__)

_SHORTEST_S: Final = 0.5
"""What a killed recorder left is worth keeping from here on."""
_PCM_NAME: Final = re.compile(r"\w+")
"""No arguments: ALSA's own PCMs take file names as arguments, and the name may come from the network."""


@click.command(hidden=True)
@click.option("--id", "recording_id", required=True)
@click.option("--seconds", type=float)
@click.option("--device")
@click.pass_obj
def recorder(volumes: Volumes, recording_id: str, seconds: float | None, device: str | None) -> None:
    """The supervisor's child: one recording, kept as an upload."""
    link = Link.from_environment()
    settings = settings_of(volumes)
    set_up_logging(link, settings.log_level)
    state = _State(link, recording_id)
    link.ready()
    try:
        with _alone(volumes) as folder:
            _adopt_leftovers(volumes, folder)
            _record_upload(volumes, settings, state, folder / f"{recording_id}.wav", seconds, device)
    except ApplianceError as error:
        state.publish(state="failed", message=error.message, hint=error.hint)
        raise


def _record_upload(
    volumes: Volumes, settings: Settings, state: _State, path: Path, seconds: float | None, device: str | None
) -> None:
    from appliance.capture import recorder as capture
    from appliance.capture.source import Source

    order, ended = capture.Order, capture.Ended
    plan = plan_of(settings, seconds, keep_silence=False)
    signals = {signal.SIGTERM: order.STOP, signal.SIGINT: order.CANCEL, signal.SIGPWR: order.POWER_FAILS}
    with orders_of(signals) as orders:
        if device is not None and not _is_known(device):
            raise InputError(f"there is no microphone {device[:80]}", hint="choose one that is plugged in")
        with Source(microphone_of(volumes, device)) as source:
            state.publish(state="listening", microphone=source.name)
            # The microphone is open while the network loads, so the first words are not lost.
            activity = None if plan.seconds else voice_activity(listening_network(volumes))
            recording = capture.Recorder(source, path, plan, activity).run(state.show, orders.get)
    if recording.ended is ended.POWER:
        return
    result: dict[str, Any] = {
        "ended": recording.ended,
        "seconds": round(recording.seconds, 2),
        "message": next(filter(None, [recording.message, *recording.warnings]), ""),  # one that a catalogue knows
        "hint": recording.hint,
        "clipped": recording.clipped,
    }
    if recording.path is None:
        unwanted = recording.ended in (ended.CANCELLED, ended.STOPPED)
        result["state"] = "cancelled" if unwanted else "failed"
    else:
        try:
            result |= {"state": "done", "upload": _adopt(volumes, recording.path)}
        except ApplianceError as error:
            message = f"{recording.message or error.message}; the recording becomes an upload when there is room"
            result |= {"state": "failed", "message": message, "hint": error.hint}
    _log.info("recorded %.1f s from %s: %s", recording.seconds, source.name, recording.message or recording.ended)
    state.publish(**result)


def _is_known(device: str) -> bool:
    from appliance.capture import choose, devices

    return choose.named(devices.present(), device) is not None or _PCM_NAME.fullmatch(device) is not None


def _adopt(volumes: Volumes, path: Path) -> str:
    from appliance.jobs import uploads

    return uploads.adopt(volumes, path, time.strftime("recording %Y-%m-%d %H-%M-%S.wav")).id


def _adopt_leftovers(volumes: Volumes, folder: Path) -> None:
    from appliance.capture import wav

    for path in folder.glob("*.wav"):
        try:
            if wav.recover(path) < _SHORTEST_S:
                path.unlink()
            else:
                _log.warning("a recording that was cut short is kept as upload %s", _adopt(volumes, path))
        except (ApplianceError, OSError) as error:
            _log.warning("%s cannot be kept yet: %s", path, error)


@contextmanager
def _alone(volumes: Volumes) -> Iterator[Path]:
    """The folder of recordings, for one recorder at a time."""
    folder = volumes.data / "recordings"
    volumes.run.mkdir(parents=True, exist_ok=True)
    with (volumes.run / "recorder.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError("a recording is already under way", hint="stop it first") from error
        folder.mkdir(parents=True, exist_ok=True)
        yield folder


class _State:
    """What the recorder publishes: the latest of everything, a heartbeat with each."""

    def __init__(self, link: Link, recording_id: str) -> None:
        self._link = link
        self._value: dict[str, Any] = {
            "id": recording_id,
            "state": "opening",
            "seconds": 0.0,
            "level_db": None,
            "peak_db": None,
            "noise_db": None,
            "clipped": False,
            "microphone": "",
            "upload": None,
            "ended": "",
            "message": "",
            "hint": "",
        }
        self.publish()

    def publish(self, **changes: Any) -> None:
        self._value |= changes
        self._link.state("recording", self._value)
        self._link.beat()

    def show(self, meter: Meter) -> None:
        self.publish(
            state="speech" if meter.speech else "listening",
            seconds=round(meter.seconds, 1),
            level_db=round(meter.level_db, 1),
            peak_db=round(meter.peak_db, 1),
            noise_db=None if meter.noise_db is None else round(meter.noise_db, 1),
            clipped=meter.clipped,
        )
