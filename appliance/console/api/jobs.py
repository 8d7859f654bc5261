"""Videos to make and made: submit, follow, cancel, try again, remove, watch.

The kiosk may ask for a video with its own avatar, and see, cancel, watch and remove what it
asked for. A repeated `Idempotency-Key` gives the job that it made at first.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, Dict, Integer, List, Nested, Raw, String
from apiflask.validators import Length, OneOf, Range
from flask import Response, request

from appliance.console import generation, media
from appliance.console.api.shapes import REFUSALS, JobOut, find_job, job_out, live_states, submitted
from appliance.console.box import the_box
from appliance.console.errors import RefusedError, not_found
from appliance.console.security import kiosk
from appliance.console.security.access import Who, for_kiosk, who
from appliance.errors import InputError
from appliance.jobs import avatars, outputs, retention, uploads
from appliance.jobs.job import Job, State

blueprint = APIBlueprint("api_jobs", __name__, tag="Jobs")

_API: Final = "api-"
_MAX_KEY: Final = 200


class NewJob(Schema):
    avatar = Raw(
        required=True, metadata={"description": 'an avatar\'s name, or `{"upload": ID}` of a picture or video'}
    )
    audio = Dict(required=True, metadata={"description": '`{"upload": ID}`'})
    face = Integer(load_default=None, allow_none=True, validate=Range(min=1, max=1000))
    options = Dict(load_default=dict, metadata={"description": "generation options, see GET /options"})
    title = String(load_default="", validate=Length(max=200))
    priority = Integer(load_default=0, validate=Range(min=-100, max=100))


class Listing(Schema):
    state = String(validate=OneOf(list(State)), load_default=None)
    kind = String(load_default=None)
    before = String(load_default=None, metadata={"description": "id of the last job already seen"})
    limit = Integer(load_default=50, validate=Range(1, 200))


class Jobs(Schema):
    jobs = List(Nested(JobOut))


class Download(Schema):
    download = Boolean(load_default=False, metadata={"description": "as a file to keep instead of one to play"})


@blueprint.get("/jobs")
@blueprint.input(Listing, location="query", arg_name="wanted")
@blueprint.output(Jobs)
@blueprint.doc(summary="List jobs, newest first", responses=REFUSALS)
def list_jobs(wanted: dict[str, Any]) -> dict[str, Any]:
    box = the_box()
    state = wanted.pop("state")
    found = box.jobs.list(states=[state] if state else None, **wanted)
    states = live_states(box)
    return {"jobs": [job_out(box, job, states) for job in found]}


@blueprint.post("/jobs")
@for_kiosk
@blueprint.input(NewJob, arg_name="wanted")
@blueprint.output(JobOut, status_code=201)
@blueprint.doc(
    summary="Ask for a video",
    description="The header `Idempotency-Key` makes it safe to send the same request twice.",
    responses=REFUSALS,
)
def submit_job(wanted: dict[str, Any]) -> dict[str, Any]:
    given = request.headers.get("Idempotency-Key")
    if given is not None and not 0 < len(given) <= _MAX_KEY:
        raise InputError(f"Idempotency-Key has {len(given)} characters", hint=f"use 1 to {_MAX_KEY}")
    if who() is Who.KIOSK:
        return submitted(kiosk.submit(the_box(), str(wanted["audio"].get("upload"))))
    return submitted(_submit(wanted, _API + given if given else None))


def _submit(wanted: dict[str, Any], key: str | None) -> Job:
    """Queue a video after checking all that can be known now."""
    box = the_box()
    spec: dict[str, Any] = {"avatar": wanted["avatar"], "audio": wanted["audio"]}
    spec["options"] = generation.checked(wanted["options"])
    if wanted["face"]:
        spec["face"] = wanted["face"]
    known = box.jobs.by_key(key) if key else None
    if known is None:
        for given in (spec["audio"], spec["avatar"]):
            if isinstance(given, dict):
                uploads.get(box.volumes, str(given.get("upload")))
        if isinstance(spec["avatar"], str) and spec["avatar"] != avatars.DEMO:
            avatars.get(box.volumes, spec["avatar"])
        known = box.jobs.submit("render", spec, title=wanted["title"], priority=wanted["priority"], key=key)
    if known.spec != spec:
        raise RefusedError(
            HTTPStatus.CONFLICT, "this Idempotency-Key was used for something else", hint="use a new key"
        )
    return known


@blueprint.get("/jobs/<identifier>")
@for_kiosk
@blueprint.output(JobOut)
@blueprint.doc(summary="One job and how far it is", responses=REFUSALS)
def show_job(identifier: str) -> dict[str, Any]:
    box = the_box()
    return job_out(box, _visible(identifier), live_states(box))


@blueprint.post("/jobs/<identifier>/cancel")
@for_kiosk
@blueprint.output(JobOut)
@blueprint.doc(summary="Call a job off", responses=REFUSALS)
def cancel_job(identifier: str) -> dict[str, Any]:
    box = the_box()
    job = box.jobs.cancel(_visible(identifier).id)
    if job.state == State.CANCELLED:
        box.tell_end(job.id, job.state)
    return submitted(job)


@blueprint.post("/jobs/<identifier>/retry")
@blueprint.output(JobOut)
@blueprint.doc(summary="Queue a job again that did not succeed", responses=REFUSALS)
def retry_job(identifier: str) -> dict[str, Any]:
    box = the_box()
    return submitted(box.jobs.retry(find_job(box, identifier).id))


@blueprint.delete("/jobs/<identifier>")
@for_kiosk
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Remove a job that is over, with its video", responses=REFUSALS)
def remove_job(identifier: str) -> str:
    box = the_box()
    retention.remove(box.volumes, box.jobs, _visible(identifier).id)
    box.tell_end(identifier, None)
    return ""


@blueprint.get("/jobs/<identifier>/preview.jpg")
@for_kiosk
@blueprint.doc(summary="The frame that is being made", responses=REFUSALS)
def show_preview(identifier: str) -> Response:
    job = _visible(identifier)
    return media.send(outputs.preview(the_box().volumes, job.id), "image/jpeg", f"preview of job {job.id} yet")


@blueprint.get("/jobs/<identifier>/poster.jpg")
@for_kiosk
@blueprint.doc(summary="A still of the finished video", responses=REFUSALS)
def show_poster(identifier: str) -> Response:
    job = _visible(identifier)
    return media.send(outputs.poster(the_box().volumes, job.id), "image/jpeg", f"poster of job {job.id}")


@blueprint.get("/jobs/<identifier>/video.mp4")
@for_kiosk
@blueprint.input(Download, location="query", arg_name="how")
@blueprint.doc(summary="The finished video; ranges are served", responses=[206, *REFUSALS, 416])
def show_video(identifier: str, how: dict[str, bool]) -> Response:
    job = _visible(identifier)
    name = f"{job.title or job.id}.mp4" if how["download"] else ""
    return media.send(outputs.video(the_box().volumes, job.id), "video/mp4", f"video of job {job.id}", download=name)


def _visible(identifier: str) -> Job:
    """The job, if whoever asks may see it: to the kiosk there are no jobs but its own."""
    job = find_job(the_box(), identifier)
    if who() is Who.KIOSK and not kiosk.is_own(job):
        raise not_found(f"job {identifier!r}")
    return job
