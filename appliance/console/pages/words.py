"""What the box's own names are called on the pages: states, kinds, stages, checks, children, options,
points of the mouth.

`word("running")` and the like. The pipeline calls the subject's right "right"; people see it on the left, and so it is
called here. `job_title`, `avatar_of` and `progress` say what there is to say about a job.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from appliance.console.i18n import _, _n
from appliance.jobs.job import Job, State

N: Final = str
"""Marks a text that is translated where it is used."""

WORDS: Final[dict[str, str]] = {
    "queued": N("waiting"),
    "running": N("in the works"),
    "done": N("done"),
    "failed": N("failed"),
    "cancelled": N("cancelled"),
    "set_aside": N("set aside"),
    "ok": N("fine"),
    "warning": N("warning"),
    "problem": N("problem"),
    "starting": N("starting"),
    "ready": N("running"),
    "stopping": N("stopping"),
    "waiting": N("waits to restart"),
    "degraded": N("keeps failing"),
    "off": N("off"),
    "child:worker": N("Worker"),
    "child:console": N("Console"),
    "child:recorder": N("Recorder"),
    "child:supervisor": N("Supervisor and log"),
    "volume:config": N("Configuration"),
    "volume:state": N("Jobs and log"),
    "volume:cache": N("Cache"),
    "volume:data": N("Avatars and videos"),
    "item:motion": N("Motion of the mouth"),
    "item:fragment": N("Parts of videos"),
    "item:landmarks": N("Where faces are"),
    "item:frame": N("Framed portraits"),
    "check:platform": N("Platform"),
    "check:processor": N("Processor"),
    "check:memory": N("Memory"),
    "check:temperature": N("Temperature"),
    "check:face models": N("Face models"),
    "check:model in NOR": N("Network in the NOR"),
    "check:motion network": N("Motion network"),
    "check:cuda": N("CUDA"),
    "check:engine": N("Engine"),
    "check:encoder": N("Encoder"),
    "check:render threads": N("Render threads"),
    "check:microphone": N("Microphone"),
    "check:config": N("Configuration"),
    "check:models": N("Models"),
    "check:python": N("Python"),
    "check:clock": N("Clock"),
    "check:volumes": N("Volumes"),
    "check:disk space": N("Disk space"),
    "check:wear": N("Wear"),
    "check:slot": N("Boot slot"),
    "check:last boot": N("Last boot"),
    "check:processes": N("Processes"),
    "job:render": N("Video"),
    "job:enroll": N("New avatar"),
    "job:adjust": N("Moved points"),
    "job:inspect": N("A look at an upload"),
    "job:sheet": N("Contact sheet"),
    "kind:portrait": N("Portrait"),
    "kind:template": N("Video"),
    "kind:drawn": N("Drawn"),
    "level:DEBUG": N("Debug"),
    "level:INFO": N("Info"),
    "level:WARNING": N("Warning"),
    "level:ERROR": N("Error"),
    "level:CRITICAL": N("Error"),
    "point:outer_corner_right": N("Outer edge, left corner"),
    "point:outer_upper_right": N("Outer edge, upper left"),
    "point:outer_upper": N("Outer edge, top"),
    "point:outer_upper_left": N("Outer edge, upper right"),
    "point:outer_corner_left": N("Outer edge, right corner"),
    "point:outer_lower_left": N("Outer edge, lower right"),
    "point:outer_lower": N("Outer edge, bottom"),
    "point:outer_lower_right": N("Outer edge, lower left"),
    "point:inner_corner_right": N("Inner edge, left corner"),
    "point:inner_upper_right": N("Inner edge, upper left"),
    "point:inner_upper": N("Inner edge, top"),
    "point:inner_upper_left": N("Inner edge, upper right"),
    "point:inner_corner_left": N("Inner edge, right corner"),
    "point:inner_lower_left": N("Inner edge, lower right"),
    "point:inner_lower": N("Inner edge, bottom"),
    "point:inner_lower_right": N("Inner edge, lower left"),
    "point:chin": N("Chin"),
    "option:duration": N("Length"),
    "option:min_resolution": N("Resolution at least"),
    "option:inference_steps": N("Steps of the warp"),
    "option:dynamic_scale": N("Opening of the mouth"),
    "option:motion_scale": N("Motion of the head"),
    "option:expand_ratio": N("Margin round the face"),
    "option:lip_sync_correction": N("Correct the lip sync"),
    "option:offset_ms": N("Mouth against sound"),
    "option:smooth_motion": N("Smooth motion"),
    "option:fps": N("Frames a second"),
    "option:seed": N("Seed"),
}


def word(name: str) -> str:
    """The name of a state and the like; what has none is shown as it is."""
    if name in WORDS:
        return _(WORDS[name])
    plain = name.rpartition(":")[2].replace("_", " ")
    return plain[:1].upper() + plain[1:]


def job_title(job: Job) -> str:
    if job.title and job.kind == "render":
        return job.title
    match job.kind:
        case "enroll":
            return _("New avatar: {name}", name=job.spec["name"])
        case "adjust" | "sheet":
            return f"{word('job:' + job.kind)}: {job.spec['avatar']}"
    return word("job:" + job.kind)


def avatar_of(job: Job) -> str | None:
    """The named avatar that a job uses or makes."""
    found = job.spec.get("name" if job.kind == "enroll" else "avatar")
    return found if isinstance(found, str) else None


@dataclass(frozen=True, slots=True)
class Now:
    """How far a job is: `share` 0 to 1, the other two in words."""

    share: float
    stage: str
    eta: str


STAGES: Final[dict[str, str]] = {
    "decode": N("Opening the file"),
    "landmarks": N("Looking at the face"),
    "pack": N("Making the avatar ready"),
    "render": N("Drawing the frames"),
    "join": N("Joining picture and sound"),
    "sheet": N("Drawing the sheet"),
}


def progress(job: Job, state: dict[str, Any] | None) -> Now:
    """`state` is what the worker published of the job, if it has yet."""
    if job.state == State.QUEUED:
        return Now(0.0, _("Waiting for its turn"), "")
    if job.cancelling:
        return Now(float((state or {}).get("share") or 0.0), _("Being cancelled"), "")
    if not state:
        return Now(0.0, _("Starting"), "")
    name = str(state.get("stage") or "")
    stage = _(STAGES[name]) if name in STAGES else (name[:1].upper() + name[1:] or _("Starting"))
    return Now(float(state.get("share") or 0.0), stage, left(state.get("eta_s")))


def left(eta_s: float | None) -> str:
    """How long it will still take."""
    if eta_s is None:
        return ""
    if eta_s < 60:
        return _n("about a second left", "about {n} seconds left", max(1, round(eta_s)))
    return _n("about a minute left", "about {n} minutes left", round(eta_s / 60))
