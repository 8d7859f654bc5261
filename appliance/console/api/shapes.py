"""What several subjects of the API have in common: fields, errors, and how a job is written."""

from __future__ import annotations

from typing import Any, Final

from apiflask import Schema
from apiflask.fields import Boolean, Dict, Float, Integer, String

from appliance.console.box import Box, the_box
from appliance.console.errors import not_found
from appliance.control import NotRunningError
from appliance.errors import InputError
from appliance.jobs import outputs
from appliance.jobs.job import Job, State

REFUSALS: Final = [400, 401, 403, 404, 409, 413, 422, 503]
"""Every one answers `{"message", "hint"}`."""


class JobOut(Schema):
    id = String()
    kind = String(metadata={"description": "render, enroll, adjust, inspect or sheet"})
    title = String()
    state = String(metadata={"description": ", ".join(State)})
    cancelling = Boolean()
    priority = Integer()
    spec = Dict(metadata={"description": "what was asked for"})
    created = Float(metadata={"description": "unix seconds, as all times"})
    started = Float(allow_none=True)
    finished = Float(allow_none=True)
    attempts = Integer()
    crashes = Integer()
    error = String(allow_none=True)
    hint = String(allow_none=True)
    result = Dict(allow_none=True)
    has_video = Boolean()
    progress = Dict(allow_none=True, metadata={"description": "of a job that is not over: stage, done, total, eta_s"})


def job_out(box: Box, job: Job, states: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "kind", "title", "cancelling", "priority", "spec", "created", "started", "finished", "attempts")
    over = job.state not in (State.QUEUED, State.RUNNING)
    return {
        **{name: getattr(job, name) for name in (*names, "crashes", "error", "hint", "result")},
        "state": str(job.state),
        "has_video": job.state == State.DONE and outputs.video(box.volumes, job.id).is_file(),
        "progress": None if over else states.get(f"job:{job.id}"),
    }


def find_job(box: Box, identifier: str) -> Job:
    """The job of that id, or 404."""
    try:
        return box.jobs.get(identifier)
    except InputError:
        raise not_found(f"job {identifier[:40]!r}") from None


def live_states(box: Box) -> dict[str, Any]:
    """The states that the supervisor knows, none while it is not there."""
    try:
        states: dict[str, Any] = box.control.ask("status")["states"]
    except NotRunningError:
        return {}
    return states


def submitted(job: Job) -> dict[str, Any]:
    return job_out(the_box(), job, {})
