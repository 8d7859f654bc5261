"""/new: a recording, an avatar, the generation options; ends in a job of kind "render"."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from appliance.console import charts
from appliance.console.admission import upload_limit
from appliance.console.api.uploads import inspection, keep_upload
from appliance.console.box import the_box
from appliance.console.i18n import _, said
from appliance.console.pages import forms
from appliance.console.pages.frame import clock, sentence, size, tell_error
from appliance.console.pages.live import snapshot
from appliance.console.security.access import takes_file
from appliance.errors import ApplianceError, InputError
from appliance.jobs import avatars, options, uploads
from appliance.jobs.job import Job

pages = Blueprint("new", __name__)

RECORDING_OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Listening:
    """The box's microphone, while it records for this page."""

    id: str
    says: str
    failed: bool


@pages.get("/new")
def new() -> Response:
    given: dict[str, Any] = {"title": "", "avatar": request.args.get("avatar", ""), "options": {}}
    upload = request.args.get("upload", "")
    if again := request.args.get("again"):
        job = the_box().jobs.get(again)
        given = {"title": job.title, "avatar": job.spec.get("avatar"), "options": job.spec.get("options") or {}}
        upload = job.spec.get("audio", {}).get("upload", "")
    listening = _listening(request.args.get("recording", ""))
    if isinstance(listening, str):
        return redirect(f"/new?upload={listening}&avatar={given['avatar']}", HTTPStatus.SEE_OTHER)
    return make_response(_page(given, _known(upload), listening))


@pages.post("/new")
@takes_file
def make() -> Response:
    given = request.form
    try:
        match given.get("do"):
            case "record":
                recording = the_box().control.ask("record", seconds=None, device=None)["id"]
                return redirect(f"/new?recording={recording}&avatar={given.get('avatar', '')}", HTTPStatus.SEE_OTHER)
            case "stop":
                the_box().control.ask("stop_recording", keep=True)
                return redirect(request.full_path, HTTPStatus.SEE_OTHER)
        job = _submit()
    except ApplianceError as error:
        tell_error(error)
        kept = {"title": given.get("title", ""), "avatar": given.get("avatar", ""), "options": forms.options_as_given()}
        return make_response(_page(kept, _known(given.get("upload", "")), None), HTTPStatus.BAD_REQUEST)
    return redirect(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def received_file() -> uploads.Upload | None:
    """The file of this form, kept as an upload that the worker looks at; None if none was chosen."""
    file = request.files.get("file")
    if file is None or not file.filename:
        return None
    upload = keep_upload()
    inspection(upload)
    return upload


def _submit() -> Job:
    given, box = request.form, the_box()
    upload = received_file() or (uploads.get(box.volumes, given["upload"]) if given.get("upload") else None)
    if upload is None:
        raise InputError("there is no recording", hint="choose a file, or record something")
    if not given.get("avatar"):
        raise InputError("no avatar is chosen", hint="choose who says it")
    avatar = avatars.get(box.volumes, given["avatar"]).name
    spec: dict[str, Any] = {"avatar": avatar, "audio": {"upload": upload.id}}
    if changed := forms.option_values():
        spec["options"] = changed
    title = given.get("title", "").strip() or upload.name.rpartition(".")[0] or upload.name
    return box.jobs.submit("render", spec, title=title)


def _page(given: dict[str, Any], upload: uploads.Upload | None, listening: Listening | None) -> str:
    box, now = the_box(), snapshot()
    known = avatars.entries(box.volumes)
    if given["avatar"] not in [avatar.name for avatar in known]:
        given["avatar"] = known[0].name if known else ""
    facts, wave = _facts(upload) if upload else ("", Markup(""))
    return render_template(
        "new.html",
        given=given,
        upload=upload,
        facts=facts,
        wave=wave,
        listening=listening,
        microphone=now.microphone,
        avatars=known,
        table=[{"name": name, **option} for name, option in options.table().items()],
        limit_bytes=upload_limit(box),
    )


def _known(upload: str) -> uploads.Upload | None:
    if not upload:
        return None
    try:
        return uploads.get(the_box().volumes, upload)
    except InputError as error:
        tell_error(error)
        return None


def _facts(upload: uploads.Upload) -> tuple[str, Markup]:
    """A line about an upload, and its waveform, as far as the worker has looked at it."""
    job = the_box().jobs.get(inspection(upload))
    if job.error:
        return str(sentence(said(job.error))), Markup("")
    if job.result is None:
        return size(upload.size), Markup("")
    seconds = job.result.get("seconds")
    facts = " · ".join([*([clock(seconds)] if seconds else []), size(upload.size)])
    return facts, charts.waveform(job.result.get("waveform") or [], _("Waveform of {name}", name=upload.name))


def _listening(recording: str) -> Listening | str | None:
    """The recording that this page waits for; the id of its upload once it is over."""
    if not recording:
        return None
    state = snapshot().state("recording")
    if state.get("id") != recording:
        return Listening(recording, _("This recording is over."), failed=True)
    if state.get("upload"):
        return str(state["upload"])
    if state.get("state") in RECORDING_OVER:
        return Listening(recording, said(str(state.get("message") or _("Nothing was recorded."))), failed=True)
    seconds = clock(float(state.get("seconds") or 0))
    says = _("The box is listening: {time}", time=seconds) if state.get("state") != "opening" else _("One moment …")
    return Listening(recording, says, failed=False)
