"""/jobs and /jobs/ID: what is made, was made, or could not be made."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from appliance.console.api.shapes import find_job
from appliance.console.box import the_box
from appliance.console.i18n import _
from appliance.console.pages import words
from appliance.console.pages.frame import clock, plain, size, tell, tell_error, when
from appliance.console.pages.live import snapshot
from appliance.errors import ApplianceError, InputError
from appliance.jobs import outputs, retention, uploads
from appliance.jobs.job import OVER, Job, State

pages = Blueprint("jobs", __name__)

_PAGE: Final = 30
_QUIET: Final = frozenset({"inspect", "sheet"})
FILTERS: Final[Mapping[str, tuple[State, ...]]] = {
    "active": (State.QUEUED, State.RUNNING),
    "done": (State.DONE,),
    "failed": (State.FAILED, State.SET_ASIDE),
    "cancelled": (State.CANCELLED,),
}


def job_page() -> dict[str, Any]:
    """What templates need to show jobs."""
    states = snapshot()
    return {
        "title": words.job_title,
        "summary": summary,
        "progress": lambda job: words.progress(job, states.state(f"job:{job.id}")),
    }


def summary(job: Job) -> str:
    """A line about a job: who speaks, how long, when."""
    parts = [avatar] if job.kind == "render" and (avatar := words.avatar_of(job)) else []
    if job.result and job.result.get("seconds"):
        parts.append(clock(job.result["seconds"]))
    if job.state == State.RUNNING or job.state == State.QUEUED:
        now = words.progress(job, snapshot().state(f"job:{job.id}"))
        return " · ".join(filter(None, (*parts, now.stage, now.eta)))
    return " · ".join((*parts, when(job.finished or job.created).striptags()))


@pages.get("/jobs")
def listing() -> str:
    chosen = request.args.get("state", "")
    states = FILTERS.get(chosen)
    found = _shown(states, request.args.get("before"), _PAGE + 1)
    shown = found[:_PAGE]
    more = {**({"state": chosen} if states else {}), "before": shown[-1].id} if len(found) > _PAGE else None
    active = shown if chosen == "active" else _shown(FILTERS["active"], None, 100)
    return render_template(
        "jobs.html",
        **job_page(),
        jobs=shown,
        chosen=chosen if states else "",
        filters=(
            ("", _("All")),
            ("active", _("In the works")),
            ("done", _("Done")),
            ("failed", _("Failed")),
            ("cancelled", _("Cancelled")),
        ),
        active=len(active),
        before=request.args.get("before"),
        older="/jobs?" + urlencode(more) if more else "",
    )


def _shown(states: tuple[State, ...] | None, before: str | None, limit: int) -> list[Job]:
    """Jobs that a person asked for, the newest first; not the box's own looks at uploads."""
    found: list[Job] = []
    while len(found) < limit:
        page = the_box().jobs.list(states=states, before=before, limit=limit)
        found += [job for job in page if job.kind not in _QUIET]
        if len(page) < limit:
            break
        before = page[-1].id
    return found[:limit]


@pages.get("/jobs/<identifier>")
def show(identifier: str) -> str:
    job = find_job(the_box(), identifier)
    now = job_page()
    return render_template(
        "job.html",
        **now,
        job=job,
        now=now["progress"](job),
        over=job.state in OVER,
        has_preview=outputs.preview(the_box().volumes, job.id).is_file(),
        avatar=words.avatar_of(job),
        facts=_facts(job),
    )


@pages.post("/jobs/<identifier>")
def act(identifier: str) -> Response:
    box = the_box()
    find_job(box, identifier)
    try:
        match request.form.get("do"):
            case "cancel":
                if box.jobs.cancel(identifier).state == State.CANCELLED:
                    the_box().tell_end(identifier, State.CANCELLED)
            case "retry":
                box.jobs.retry(identifier)
            case "remove":
                retention.remove(box.volumes, box.jobs, identifier)
                the_box().tell_end(identifier, None)
                tell("ok", _("Deleted."))
                return redirect("/jobs", HTTPStatus.SEE_OTHER)
            case unknown:
                raise InputError(f"there is nothing called {unknown!r} to do with a job")
    except ApplianceError as error:
        tell_error(error)
    return redirect(f"/jobs/{identifier}", HTTPStatus.SEE_OTHER)


def _facts(job: Job) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [(_("Kind"), words.word("job:" + job.kind))]
    if avatar := words.avatar_of(job):
        facts.append((_("Avatar"), avatar))
    sound = job.spec.get("audio") or ({"upload": job.spec["upload"]} if "upload" in job.spec else None)
    if sound and (name := upload_name(sound["upload"])):
        facts.append((_("Recording") if "audio" in job.spec else _("File"), name))
    result = job.result or {}
    if result.get("width"):
        facts.append((_("Picture"), f"{result['width']} × {result['height']}"))
    if result.get("seconds"):
        facts.append((_("Length"), clock(result["seconds"])))
    if result.get("fps"):
        facts.append((words.word("option:fps"), plain(result["fps"])))
    if result.get("bytes"):
        facts.append((_("Size"), size(result["bytes"])))
    if written := result.get("bytes_written"):
        facts.append((_("Written"), size(sum(written.values()))))
    if result.get("cached_frames"):
        facts.append((_("Frames from the cache"), f"{result['cached_frames']} / {result['frames']}"))
    facts.append((_("Submitted"), when(job.created)))
    if job.started and job.finished:
        took = job.finished - job.started
        facts.append((_("Took"), clock(took) if took >= 60 else _("{n} s", n=f"{took:.1f}")))
    if job.attempts > 1:
        facts.append((_("Attempts"), str(job.attempts)))
    for name, value in (job.spec.get("options") or {}).items():
        text = (_("on") if value else _("off")) if isinstance(value, bool) else plain(value)
        facts.append((words.word("option:" + name), text))
    return facts


def upload_name(identifier: str) -> str:
    """What an upload was called; empty when it is gone."""
    try:
        return uploads.get(the_box().volumes, identifier).name
    except InputError:
        return ""
