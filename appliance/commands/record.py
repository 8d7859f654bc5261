"""`mouthpiece record`: a microphone into a WAV file; and what the kiosk's recorder needs of it too."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from appliance.commands.shared import as_json
from appliance.errors import ApplianceError, InputError
from appliance.settings import SPEECH_RATE_HZ, Settings
from appliance.terminal import say
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.capture.devices import Microphone
    from appliance.capture.endpoint import VoiceActivity
    from appliance.capture.recorder import Meter, Order, Plan, Recording
    from appliance.pipeline.motion import MotionModel

_BAR: Final = 30
_QUIETEST_DB: Final = -60.0


@click.command()
@click.option("--seconds", type=float, help="Record so long.")
@click.option("--until-silence", is_flag=True, help="Record from the first word until nothing more is said.")
@click.option("--out", type=click.Path(path_type=Path), help="The WAV file to write: 16 kHz, mono.")
@click.option("--device", help="A microphone by its id, card or name, or an ALSA PCM (default: the best present).")
@click.option("--keep-silence", is_flag=True, help="Keep the recording also if nothing was said.")
@click.option("--list", "list_", is_flag=True, help="Name the microphones instead.")
@as_json
@click.pass_obj
def record(
    volumes: Volumes,
    seconds: float | None,
    until_silence: bool,
    out: Path | None,
    device: str | None,
    keep_silence: bool,
    list_: bool,
    json_: bool,
) -> None:
    """Record from a microphone. Ctrl-C ends the recording and keeps it."""
    if list_:
        _list(volumes, json_)
        return
    if (seconds is None) == (not until_silence):
        raise click.UsageError("Give either --seconds or --until-silence.")
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    from appliance.capture import recorder as capture
    from appliance.capture.source import Source
    from appliance.pipeline.fragments import writing
    from appliance.pipeline.model import check_writable

    check_writable(out)
    plan = plan_of(settings_of(volumes), seconds, keep_silence)
    microphone = microphone_of(volumes, device)
    stop = capture.Order.STOP
    with orders_of({signal.SIGINT: stop, signal.SIGTERM: stop}) as order, writing(out), Source(microphone) as source:
        if not json_:
            say(f"recording from {source.name}")
        # The microphone is open while the network loads, so the first words are not lost.
        activity = None if plan.seconds else voice_activity(listening_network(volumes))
        line = _MeterLine(quiet=json_)
        try:
            recording = capture.Recorder(source, out, plan, activity).run(line.show, order.get)
        finally:
            line.close()
    _tell(recording, source.name, json_)


def _tell(recording: Recording, microphone: str, json_: bool) -> None:
    from appliance.capture.recorder import Ended

    if recording.path is not None:
        if json_:
            out = {"out": str(recording.path), "microphone": microphone}
            click.echo(json.dumps({key: value for key, value in asdict(recording).items() if key != "path"} | out))
        else:
            noise = "" if recording.noise_db is None else f", noise {recording.noise_db:.0f} dB"
            click.echo(f"{recording.path}: {recording.seconds:.1f} s, peak {recording.peak_db:.0f} dB{noise}")
    for warning in recording.warnings:
        say(f"warning: {warning}")
    if recording.path is None or recording.ended in (Ended.LOST, Ended.FULL):
        raise ApplianceError(recording.message, hint=recording.hint)
    if recording.message and not json_:
        say(recording.message)


def _list(volumes: Volumes, json_: bool) -> None:
    from appliance.capture import choose, devices

    present = devices.present()
    known = choose.state(present, settings_of(volumes).microphone)["devices"]
    if json_:
        click.echo(json.dumps(known))
        return
    if not known:
        say("no microphone is plugged in")
    for each in known:
        mark = "*" if each["chosen"] else " " if each["present"] else "-"
        click.echo(f"{mark} {each['id']}  {each['name']}{'' if each['present'] else '  (not plugged in)'}")


def voice_activity(network: MotionModel) -> VoiceActivity:
    """A motion network's idea of where speech is."""
    from appliance.capture.level import FRAME

    stream = network.stream(SPEECH_RATE_HZ / FRAME)
    return lambda samples: stream.push(samples).vad.tolist()


def listening_network(volumes: Volumes) -> MotionModel:
    """The one in the NOR where the board has it, else the shipped one. A damaged one is the health checks' to tell."""
    from appliance.pipeline.motion import load_motion_model
    from appliance.storage import atomic, nor_model

    with contextlib.suppress(ApplianceError, OSError):
        if (stored := nor_model.read(volumes)) is not None:
            unpacked = volumes.run / "listening.int8.onnx"
            with atomic.replaced_file(unpacked) as temporary:
                temporary.write_bytes(stored)
            return load_motion_model(unpacked)
    return load_motion_model()


def settings_of(volumes: Volumes) -> Settings:
    from appliance.storage.config import ConfigStore

    return Settings.of(ConfigStore(volumes).read().get("settings", {}))


def plan_of(settings: Settings, seconds: float | None, keep_silence: bool) -> Plan:
    from appliance.capture.recorder import Plan

    longest = settings.record_max_s
    if seconds is not None and not 0 < seconds <= longest:
        raise InputError(
            f"{seconds:g} seconds are not possible", hint=f"give more than 0 and at most {longest:g} (record_max_s)"
        )
    return Plan(
        seconds=seconds,
        silence_stop_s=settings.silence_stop_s,
        max_seconds=longest,
        max_bytes=settings.record_max_mb * 1_000_000,
        keep_silence=keep_silence,
    )


def microphone_of(volumes: Volumes, device: str | None) -> Microphone | str:
    from appliance.capture import choose, devices

    present = devices.present()
    if device is not None:
        return choose.named(present, device) or device
    chosen = choose.choose(present, settings_of(volumes).microphone)
    if chosen is None:
        raise InputError("there is no microphone", hint="plug one in, or name an ALSA device")
    return chosen


class Orders:
    def __init__(self) -> None:
        self.latest: Order | None = None

    def get(self) -> Order | None:
        return self.latest


@contextlib.contextmanager
def orders_of(signals: Mapping[signal.Signals, Order]) -> Iterator[Orders]:
    """What signals ask of the recording while it lasts."""
    orders = Orders()

    def note(number: int, _: object) -> None:
        orders.latest = signals[signal.Signals(number)]

    before = {number: signal.signal(number, note) for number in signals}
    try:
        yield orders
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _MeterLine:
    """One line on a terminal: how loud it is, the room's noise, how long."""

    def __init__(self, quiet: bool) -> None:
        self._active = not quiet and sys.stderr.isatty()

    def show(self, meter: Meter) -> None:
        if not self._active:
            return
        filled, peak = _place(meter.level_db), _place(meter.peak_db)
        cells = ["━" if index < filled else "─" for index in range(_BAR)]
        cells[min(peak, _BAR - 1)] = "┃"
        noise = "" if meter.noise_db is None else f"  noise {meter.noise_db:4.0f} dB"
        what = "TOO LOUD " if meter.clipped else "speech   " if meter.speech else "listening"
        line = f"{what} {''.join(cells)} {meter.level_db:4.0f} dB{noise}  {meter.seconds:5.1f} s"
        sys.stderr.write("\r" + line[: shutil.get_terminal_size().columns - 1] + "\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        if self._active:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _place(level_db: float) -> int:
    return round(_BAR * min(1.0, max(0.0, 1 - level_db / _QUIETEST_DB)))
