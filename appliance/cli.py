"""The command line: the only place that knows every room, and the only one that makes errors into exit codes.

Exit codes: 0 done, 1 the user's input or request cannot be served (130 if it was cancelled from the keyboard), 2 usage,
3 the box is unhealthy, 70 a bug. Commands import what they use when they run, so that `--help` is instant.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from appliance import __version__
from appliance.errors import ApplianceError, CancelledError, InputError
from appliance.terminal import ProgressLine, say
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.pipeline.pack import AvatarPack
    from appliance.pipeline.progress import Job

USAGE = 2
BUG = 70
CANCELLED = 130


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    try:
        cli(standalone_mode=False)
        code = 0
    except Exception as error:
        code = explain(error)
    sys.exit(code)


def explain(error: Exception) -> int:
    """Tell a person what went wrong, and return the exit code for it."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError():
            error.show()
            return USAGE
        case CancelledError():
            say("cancelled; nothing was left behind")
            return CANCELLED
        case click.Abort() if isinstance(error.__context__, KeyboardInterrupt):
            say("cancelled")
            return CANCELLED
        case ApplianceError():
            say(f"error: {error.message}")
            if error.hint:
                say(f"  fix: {error.hint}")
            return error.exit_code
        case OSError(errno=errno.ENOSPC, filename=None):
            # Only standard output is written without a name; what is left in its buffer must not fail again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            say("error: what standard output goes to is full")
            return ApplianceError.exit_code
    traceback.print_exception(error)
    say("this is a bug in mouthpiece; please report it with the lines above")
    return BUG


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mouthpiece")
@click.option("--data", type=click.Path(path_type=Path), help="Where the volumes lie (default: var/ or the box's own).")
@click.pass_context
def cli(context: click.Context, data: Path | None) -> None:
    """Turn speech and a face into a talking video, on this machine."""
    context.obj = Volumes(data) if data else Volumes.default()


def as_json(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "json_", is_flag=True, help="Print one JSON document for scripts.")(command)


def generation_options(command: Callable[..., None]) -> Callable[..., None]:
    """The table of generation options as command-line options."""
    from appliance.pipeline.options import DEFAULTS, RANGES, SWITCHES

    for name, default in reversed(DEFAULTS.items()):
        flag = name.replace("_", "-")
        if isinstance(default, bool):
            option = click.option(
                f"--{flag}/--no-{flag}", name, default=default, show_default=True, help=SWITCHES[name]
            )
        else:
            allowed = RANGES[name]
            unit = f" {allowed.unit}" if allowed.unit else ""
            text = f"{allowed.meaning} [{allowed.low:.10g}..{allowed.high:.10g}{unit}]"
            kind = int if isinstance(default, int) else float
            option = click.option(
                f"--{flag}", name, type=kind, default=default, show_default=default is not None, help=text
            )
        command = option(command)
    return command


@contextmanager
def cancellable(quiet: bool) -> Iterator[Job]:
    """A job that shows its progress and that Ctrl-C or a terminate signal cancels."""
    from appliance.pipeline.progress import Job

    line = ProgressLine(quiet)
    job = Job(line.show)

    def cancel(*_: object) -> None:
        job.cancel()

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield job
    finally:
        line.close()
        for number, handler in before.items():
            signal.signal(number, handler)


@cli.command()
@click.option("--avatar", required=True, help="A picture, a video, or the name of an avatar.")
@click.option("--audio", required=True, type=click.Path(path_type=Path), help="A recording, or a video with sound.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The MP4 file to write.")
@click.option("--face", type=int, help="Which face, counted from the left, where there are several.")
@click.option("--model", default="base", show_default=True, help="base, onnxruntime, torch, or a weights file.")
@generation_options
@as_json
@click.pass_obj
def render(
    volumes: Volumes, /, avatar: str, audio: Path, out: Path, face: int | None, model: str, json_: bool, **options: Any
) -> None:
    """Make a video in which an avatar says what a recording says."""
    from appliance.pipeline import model as models
    from appliance.pipeline.options import Options

    Options.of(options)
    models.check_writable(out)
    if out.exists() and out.resolve() in (audio.resolve(), Path(avatar).resolve()):
        raise InputError(f"{out} would replace what it is made from", hint="give --out another name")
    with cancellable(json_) as job:
        loaded = models.load(model)
        with loaded.generate(avatar, audio, face=face, near=out.parent, job=job, volumes=volumes, **options) as video:
            video.save(out)
            report = video.report
    if json_:
        click.echo(json.dumps({"out": str(out), **report.as_dict()}))
        return
    for warning in report.warnings:
        say(f"warning: {warning}")
    wall = report.stages["wall_s"]
    click.echo(
        f"{out}: {report.seconds:.1f} s, {report.width}x{report.height} at {report.fps:g} fps, "
        f"made in {wall:.1f} s ({report.seconds / wall:.1f}x real time)"
    )


@cli.command()
@click.argument("audio", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The .npz file to write.")
@click.option("--fps", type=float, default=25.0, show_default=True, help="Frames a second.")
@click.option("--engine", type=click.Choice(["onnxruntime", "torch"]), default="onnxruntime", show_default=True)
@as_json
def motion(audio: Path, out: Path, fps: float, engine: str, json_: bool) -> None:
    """Write only the motion track of a recording."""
    from appliance.pipeline.model import check_writable
    from appliance.pipeline.motion import load_motion_model
    from appliance.pipeline.sound import open_sound
    from appliance.pipeline.track import MotionTrack

    check_writable(out)
    with cancellable(json_) as job, open_sound(audio) as reader:
        stream = load_motion_model(engine=engine).stream(fps)
        parts = []
        for block in reader.blocks():
            parts.append(stream.push(block.speech))
            job.step("motion", float(reader.seconds), max(reader.duration_hint or 0, float(reader.seconds)))
        track = MotionTrack.joined([*parts, stream.finish()])
        track.save(out)
    if json_:
        click.echo(json.dumps({"out": str(out), "frames": len(track), "fps": fps, "warnings": reader.warnings}))
        return
    for warning in reader.warnings:
        say(f"warning: {warning}")
    click.echo(f"{out}: {len(track)} frames at {fps:g} fps")


@cli.group()
def avatar() -> None:
    """Enrol, list and look at avatars."""


@avatar.command("add")
@click.argument("name")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--face", type=int, help="Which face, counted from the left, where there are several.")
@click.option("--replace", is_flag=True, help="Replace an avatar of this name.")
@as_json
@click.pass_obj
def avatar_add(volumes: Volumes, name: str, source: Path, face: int | None, replace: bool, json_: bool) -> None:
    """Enrol the picture or video SOURCE as NAME."""
    from appliance.pipeline import avatars

    with cancellable(json_) as job:
        pack = avatars.add(source, name, volumes, face=face, replace=replace, job=job)
    _show(pack, json_)


@avatar.command("list")
@as_json
@click.pass_obj
def avatar_list(volumes: Volumes, json_: bool) -> None:
    """Name every avatar."""
    from appliance.pipeline import avatars

    known = avatars.names(volumes)
    click.echo(json.dumps(known) if json_ else "\n".join(known))


@avatar.command("show")
@click.argument("name")
@as_json
@click.pass_obj
def avatar_show(volumes: Volumes, name: str, json_: bool) -> None:
    """Say what is known of an avatar, after checking it."""
    from appliance.pipeline import avatars

    _show(avatars.resolve(name, volumes), json_)


@avatar.command("remove")
@click.argument("name")
@click.pass_obj
def avatar_remove(volumes: Volumes, name: str) -> None:
    """Remove an avatar."""
    from appliance.pipeline import avatars

    avatars.remove(name, volumes)
    click.echo(f"removed {name}")


@avatar.command("sheet")
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="The PNG file to write (default: NAME-sheet.png).")
@click.option("--face", type=int, help="Which face, counted from the left, where there are several.")
@click.pass_obj
def avatar_sheet(volumes: Volumes, name: str, out: Path | None, face: int | None) -> None:
    """Draw an avatar (a name or a file) in all visemes in one picture, to judge it by eye."""
    from appliance.pipeline import avatars, sheet
    from appliance.pipeline.model import check_writable

    target = out or Path(f"{Path(name).stem}-sheet.png")
    check_writable(target)
    with cancellable(quiet=False) as job:
        sheet.save(avatars.resolve(name, volumes, face=face, job=job), target)
    click.echo(str(target))


def _show(pack: AvatarPack, json_: bool) -> None:
    manifest = asdict(pack.manifest)
    if json_:
        click.echo(json.dumps({"path": str(pack.path), **manifest}))
        return
    kind, frames = manifest["kind"], manifest["frames"]
    length = f", {frames} frames at {manifest['fps']:g} fps" if frames > 1 else ""
    click.echo(f"{manifest['name']}: {kind}, {manifest['width']}x{manifest['height']}{length}, in {pack.path}")


@cli.command()
@as_json
@click.pass_obj
def doctor(volumes: Volumes, json_: bool) -> None:
    """Check the health of this machine; every complaint comes with its fix."""
    from appliance.pipeline.hardware import checks
    from appliance.supervisor import health
    from appliance.supervisor.health import report

    findings = health.examine([*health.checks(volumes), *checks.checks()])
    click.echo(json.dumps(report.as_json(findings)) if json_ else report.render(findings))
    raise click.exceptions.Exit(report.exit_code(findings))


@cli.command()
@click.argument("name", type=click.Choice(["render"]), default="render")
@click.option("--quick", is_flag=True, help="A shorter run, for a look.")
@click.option("--long", "long_", is_flag=True, help="Also half an hour, for the memory.")
@as_json
def bench(name: str, quick: bool, long_: bool, json_: bool) -> None:  # noqa: ARG001
    """Measure this machine with the benchmarks of docs/BENCHMARKS.md."""
    from appliance.pipeline import bench_render

    report = bench_render.run(quick=quick, long=long_)
    click.echo(json.dumps(report) if json_ else bench_render.render_table(report))
