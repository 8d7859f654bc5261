"""`mouthpiece jobs`: the queue from the command line, with or without a running box."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from appliance.commands.shared import as_json, generation_options
from appliance.errors import ApplianceError, InputError, UnhealthyError
from appliance.terminal import ProgressLine, say
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.jobs.job import Job
    from appliance.jobs.store import JobStore

_SILENCE_S = 15.0
"""The supervisor speaks every five seconds."""
_LOOK_S = 0.5


@click.group()
def jobs() -> None:
    """Submit, look at and cancel jobs. The queue outlives power cuts; a running box makes what is in it."""


@jobs.command("submit")
@click.option("--avatar", required=True, help="A picture, a video, or the name of an avatar.")
@click.option("--audio", required=True, type=click.Path(path_type=Path), help="A recording, or a video with sound.")
@click.option("--face", type=int, help="Which face, counted from the left, where there are several.")
@click.option("--title", default="", help="A name for people.")
@click.option("--priority", type=int, default=0, show_default=True, help="Higher goes first [-100..100].")
@click.option("--key", help="Submitting again with the same key changes nothing, and names the same job.")
@generation_options
@click.option("--wait", is_flag=True, help="Wait until it is made, and show the progress.")
@as_json
@click.pass_obj
def submit(
    volumes: Volumes,
    /,
    avatar: str,
    audio: Path,
    face: int | None,
    title: str,
    priority: int,
    key: str | None,
    wait: bool,
    json_: bool,
    **options: Any,
) -> None:
    """Queue a video in which an avatar says what a recording says."""
    from appliance.pipeline.options import DEFAULTS, Options

    Options.of(options)
    with _store(volumes) as store:
        job = store.by_key(key) if key is not None else None
        if job is None:
            chosen = {name: value for name, value in options.items() if value != DEFAULTS[name]}
            spec = {"avatar": _avatar(volumes, avatar), "audio": {"upload": _upload(volumes, audio)}, "face": face}
            title = title or audio.stem
            job = store.submit("render", spec | {"options": chosen}, title=title, priority=priority, key=key)
            _announce(volumes, job)
        if wait:
            job = _wait(volumes, store, job, quiet=json_)
        _show(volumes, job, json_)
    if wait:
        _raise_for(job)


@jobs.command("list")
@click.option("--state", "states", multiple=True, help="Only jobs in this state; may be given more than once.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="At most so many.")
@as_json
@click.pass_obj
def list_(volumes: Volumes, states: tuple[str, ...], limit: int, json_: bool) -> None:
    """Name the jobs, the newest first."""
    from appliance.jobs.job import State

    if unknown := sorted(set(states) - set(State)):
        raise InputError(f"there is no state {unknown[0]}", hint=f"states are {', '.join(State)}")
    with _store(volumes) as store:
        found = store.list(states=states or None, limit=limit)
    if json_:
        click.echo(json.dumps([_plain(volumes, job) for job in found]))
        return
    for job in found:
        click.echo(f"{job.id}  {job.state:<9}  {_when(job.created)}  {job.kind:<7}  {job.title}")


@jobs.command("show")
@click.argument("job")
@as_json
@click.pass_obj
def show(volumes: Volumes, job: str, json_: bool) -> None:
    """Say all about a job."""
    with _store(volumes) as store:
        _show(volumes, store.get(job), json_)


@jobs.command("cancel")
@click.argument("job")
@as_json
@click.pass_obj
def cancel(volumes: Volumes, job: str, json_: bool) -> None:
    """Call a job off. One that is being made stops within a second."""
    with _store(volumes) as store:
        cancelled = store.cancel(job)
        _announce(volumes, cancelled)
        _show(volumes, cancelled, json_)


@jobs.command("retry")
@click.argument("job")
@as_json
@click.pass_obj
def retry(volumes: Volumes, job: str, json_: bool) -> None:
    """Queue a job again that failed, was cancelled or was set aside."""
    with _store(volumes) as store:
        queued = store.retry(job)
        _announce(volumes, queued)
        _show(volumes, queued, json_)


@contextlib.contextmanager
def _store(volumes: Volumes) -> Iterator[JobStore]:
    from appliance.jobs.store import JobStore

    store = JobStore(volumes.jobs)
    try:
        yield store
    finally:
        store.close()


def _avatar(volumes: Volumes, given: str) -> str | dict[str, str]:
    """A name as it is; a file is taken in as an upload."""
    from appliance.pipeline import avatars

    try:
        is_file = Path(given).is_file()
    except OSError as error:
        raise InputError(f"cannot read {given}: {error.strerror}", hint="check the path") from error
    if is_file:
        return {"upload": _upload(volumes, Path(given))}
    if given not in (known := avatars.names(volumes)):
        raise InputError(f"there is neither a file nor an avatar {given}", hint=f"avatars are {', '.join(known)}")
    return given


def _upload(volumes: Volumes, path: Path) -> str:
    from appliance.commands.run import settings
    from appliance.jobs import uploads

    limit_bytes = settings(volumes, {}).upload_max_mb * 1_000_000
    try:
        with path.open("rb") as file:
            return uploads.receive(volumes, file, path.name, limit_bytes).id
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}", hint="check the path") from error


def _announce(volumes: Volumes, job: Job) -> None:
    """Tell those who watch a running box; without one, nobody watches."""
    from appliance.control import Control
    from appliance.jobs.attempt import Attempt
    from appliance.jobs.job import State

    if job.state != State.RUNNING:  # of that, the worker tells
        value = Attempt(job, lambda *_: None).value(job.state)
        with contextlib.suppress(ApplianceError, OSError):
            Control(volumes).ask("announce", name=f"job:{job.id}", value=value)


def _wait(volumes: Volumes, store: JobStore, job: Job, *, quiet: bool) -> Job:
    """The job once it is over. Nothing is lost if the box is restarted meanwhile, or this command is interrupted."""
    from appliance.control import Control, NotRunningError
    from appliance.pipeline.progress import Progress

    line = ProgressLine(quiet)
    told = False
    try:
        while (job := store.get(job.id)).finished is None:
            try:
                for answer in Control(volumes).stream("watch", timeout_s=_SILENCE_S, after=None):
                    event = answer.get("event", {})
                    value = event.get("value") or {}
                    if event.get("name") == f"job:{job.id}" and value.get("stage"):
                        total = value["total"] or 1.0
                        line.show(Progress(value["stage"], value["share"] * total, total, value["eta_s"]))
                    if store.get(job.id).finished is not None:
                        break
            except NotRunningError:
                if not told:
                    told = True
                    line.close()
                    say(f"the box is not running; {job.id} waits in the queue until it is")
                time.sleep(_LOOK_S)
            except (OSError, ValueError):
                time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        line.close()
        say(f"{job.id} goes on without you; `mouthpiece jobs cancel {job.id}` stops it")
        raise
    finally:
        line.close()
    return job


def _raise_for(job: Job) -> None:
    """What the exit code of a command that waited says."""
    from appliance.jobs.job import State

    if job.state == State.SET_ASIDE:
        raise UnhealthyError(f"{job.id} was set aside: {job.error}", hint=job.hint or "")
    if job.state != State.DONE:
        raise ApplianceError(f"{job.id} {job.state}: {job.error or 'called off'}", hint=job.hint or "")


def _plain(volumes: Volumes, job: Job) -> dict[str, Any]:
    from appliance.jobs import outputs
    from appliance.jobs.job import State

    made = job.state == State.DONE and job.kind == "render"
    return asdict(job) | {"video": str(outputs.video(volumes, job.id)) if made else None}


def _show(volumes: Volumes, job: Job, json_: bool) -> None:
    plain = _plain(volumes, job)
    if json_:
        click.echo(json.dumps(plain))
        return
    state = "running, being cancelled" if job.cancelling else str(job.state)
    click.echo(f"{job.id}  {state}  {_when(job.created)}  {job.kind}  {job.title}".rstrip())
    for name in ("video", "error", "hint"):
        if plain[name]:
            click.echo(f"  {name}: {plain[name]}")


def _when(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s).astimezone().strftime("%Y-%m-%d %H:%M:%S")
