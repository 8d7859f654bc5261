"""`mouthpiece render` and `mouthpiece motion`: one video, or only its motion track."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from appliance.commands.shared import as_json, cancellable, generation_options
from appliance.errors import InputError
from appliance.terminal import say
from appliance.volumes import Volumes


@click.command()
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
    from appliance.storage.cache import box

    Options.of(options)
    models.check_writable(out)
    if out.exists() and out.resolve() in (audio.resolve(), Path(avatar).resolve()):
        raise InputError(f"{out} would replace what it is made from", hint="give --out another name")
    with cancellable(json_) as job, box.opened(volumes) as cache:
        loaded = models.load(model)
        with loaded.generate(
            avatar, audio, face=face, near=out.parent, job=job, volumes=volumes, cache=cache, **options
        ) as video:
            video.save(out)
            report = video.report
    if json_:
        click.echo(json.dumps({"out": str(out), **report.as_dict()}))
        return
    for warning in report.warnings:
        say(f"warning: {warning}")
    wall = report.stages["wall_s"]
    cached = f", {report.cached_frames} of {report.frames} frames from the cache" if report.cached_frames else ""
    click.echo(
        f"{out}: {report.seconds:.1f} s, {report.width}x{report.height} at {report.fps:g} fps, "
        f"made in {wall:.1f} s ({report.seconds / wall:.1f}x real time{cached})"
    )


@click.command()
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
