"""/kiosk: the screen on the box itself. Speak, watch yourself spoken by the avatar, again or done.

The page's address says where a visitor is, so that it works without scripts and after a reload:
`?recording=ID`, then `?job=ID`. Only what the kiosk made itself is shown on it.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from appliance.console.box import the_box
from appliance.console.i18n import _, said
from appliance.console.pages import words
from appliance.console.pages.frame import sentence
from appliance.console.pages.live import Snapshot, snapshot
from appliance.console.pages.new import RECORDING_OVER
from appliance.console.security import kiosk
from appliance.console.security.access import for_kiosk
from appliance.errors import ApplianceError, InputError
from appliance.jobs import avatars
from appliance.jobs.job import Job, State

pages = Blueprint("kiosk", __name__)


@pages.get("/kiosk")
@for_kiosk
def show() -> Response | str:
    now = snapshot()
    recording, job = request.args.get("recording", ""), request.args.get("job", "")
    if recording:
        state = now.state("recording")
        if state.get("id") == recording and state.get("upload"):
            made = kiosk.submit(the_box(), str(state["upload"]))
            return redirect(f"/kiosk?job={made.id}", HTTPStatus.SEE_OTHER)
        if state.get("id") != recording:
            return redirect("/kiosk", HTTPStatus.SEE_OTHER)
        if state.get("state") in RECORDING_OVER:
            return _page("sorry", says=said(str(state.get("message") or _("Nothing was recorded."))))
        return _page("listening", recording=recording, refresh=2)
    if job:
        return _show_job(kiosk.job(the_box(), job), now)
    return _page("ready")


@pages.post("/kiosk")
@for_kiosk
def act() -> Response | str:
    box = the_box()
    try:
        match request.form.get("do"):
            case "record" | "again":
                recording = box.control.ask("record", seconds=None, device=None)["id"]
                return redirect(f"/kiosk?recording={recording}", HTTPStatus.SEE_OTHER)
            case "stop":
                box.control.ask("stop_recording", keep=True)
                return redirect(request.full_path, HTTPStatus.SEE_OTHER)
            case "discard":
                box.control.ask("stop_recording", keep=False)
            case "done":
                _cancel(request.args.get("job", ""))
            case unknown:
                raise InputError(f"there is nothing called {unknown!r} to do at the kiosk")
    except ApplianceError as error:
        return _page("sorry", says=sentence(said(error.message)))
    return redirect("/kiosk", HTTPStatus.SEE_OTHER)


def _cancel(identifier: str) -> None:
    """Stop making what nobody waits for any more."""
    if not identifier:
        return
    job = kiosk.job(the_box(), identifier)
    if job.state in (State.QUEUED, State.RUNNING):
        the_box().jobs.cancel(job.id)


def _show_job(job: Job, now: Snapshot) -> str:
    match job.state:
        case State.DONE:
            return _page("showing", job=job)
        case State.QUEUED | State.RUNNING:
            progress = words.progress(job, now.state(f"job:{job.id}"))
            says = " · ".join(filter(None, (progress.stage, progress.eta)))
            return _page("making", job=job, says=says, share=progress.share, refresh=2)
    return _page("sorry", says=sentence(said(job.error or _("It was cancelled."))))


def _page(stage: str, **known: Any) -> str:
    box = the_box()
    settings = box.settings()
    avatar = settings.kiosk_avatar
    found = next((known for known in avatars.entries(box.volumes) if known.name == avatar), None)
    blank = {"recording": "", "job": None, "says": "", "share": 0.0, "refresh": 0}
    return render_template(
        "kiosk.html",
        stage=stage,
        avatar=avatar,
        face=found and ("preview" if found.preview else "thumbnail"),
        idle_s=settings.kiosk_idle_s,
        microphone=snapshot().microphone,
        **blank | known,
    )
