"""/avatars and /avatars/NAME: the faces, their mouths' points, their contact sheets."""

from __future__ import annotations

import datetime as dt
from http import HTTPStatus
from typing import Any

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from appliance.console.admission import upload_limit
from appliance.console.box import the_box
from appliance.console.errors import not_found
from appliance.console.i18n import _
from appliance.console.pages import forms, words
from appliance.console.pages.frame import plain, tell, tell_error, when
from appliance.console.pages.jobs import job_page
from appliance.console.pages.new import received_file
from appliance.console.security.access import takes_file
from appliance.errors import ApplianceError, InputError
from appliance.jobs import avatars
from appliance.jobs.avatars import Avatar
from appliance.jobs.job import State

pages = Blueprint("avatars", __name__)

_KINDS = ("enroll", "adjust")


@pages.get("/avatars")
def listing() -> Response:
    return make_response(_page({}))


@pages.post("/avatars")
@takes_file
def enroll() -> Response:
    given = request.form
    try:
        if (upload := received_file()) is None:
            raise InputError("no file is chosen", hint="choose a portrait or a video")
        spec: dict[str, Any] = {
            "name": given.get("name", "").strip(),
            "upload": upload.id,
            "replace": "replace" in given,
        }
        if text := given.get("face", "").strip():
            spec["face"] = forms.number("face", text, whole=True)
        job = the_box().jobs.submit("enroll", spec, title=spec["name"])
    except ApplianceError as error:
        tell_error(error)
        return make_response(_page(given.to_dict()), HTTPStatus.BAD_REQUEST)
    return redirect(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def _page(given: dict[str, str]) -> str:
    box = the_box()
    active = [job for job in box.jobs.list(states=(State.RUNNING, State.QUEUED), limit=50) if job.kind in _KINDS]
    return render_template(
        "avatars.html",
        **job_page(),
        avatars=avatars.entries(box.volumes),
        active=active,
        given=dict.fromkeys(("name", "face", "replace"), "") | given,
        limit_bytes=upload_limit(box),
    )


@pages.get("/avatars/<name>")
def show(name: str) -> str:
    avatar = found(name)
    return render_template(
        "avatar.html", avatar=avatar, own=not avatar.shipped, sheet=avatar.sheet, facts=_facts(avatar)
    )


def found(name: str) -> Avatar:
    """The avatar of that name, or 404."""
    try:
        return avatars.get(the_box().volumes, name)
    except InputError:
        raise not_found(f"avatar {name[:64]!r}") from None


@pages.post("/avatars/<name>")
def act(name: str) -> Response:
    box = the_box()
    try:
        avatar = found(name)
        match request.form.get("do"):
            case "remove":
                avatars.remove(box.volumes, name)
                tell("ok", _("The avatar {name} is deleted.", name=name))
                return redirect("/avatars", HTTPStatus.SEE_OTHER)
            case "sheet":
                job = box.jobs.submit("sheet", {"avatar": name})
            case "adjust":
                job = box.jobs.submit("adjust", {"avatar": name, "points": _points(avatar)})
            case "reset":
                job = box.jobs.submit("adjust", {"avatar": name, "points": avatar.detected or {}})
            case unknown:
                raise InputError(f"there is nothing called {unknown!r} to do with an avatar")
    except ApplianceError as error:
        tell_error(error)
        return redirect(f"/avatars/{name}", HTTPStatus.SEE_OTHER)
    return redirect(f"/jobs/{job.id}", HTTPStatus.SEE_OTHER)


def _points(avatar: Avatar) -> dict[str, list[float]]:
    """The points that the form moved."""
    if avatar.shipped or not avatar.points:
        raise InputError(f"the points of {avatar.name} cannot be moved")
    given = {
        name: [forms.number(f"{name}.{axis}", request.form.get(f"{name}.{axis}", "")) for axis in "xy"]
        for name in avatar.points
    }
    moved = {name: point for name, point in given.items() if _moved(point, avatar.points[name])}
    if not moved:
        raise InputError("no point was moved", hint="drag a point first")
    return moved


def _moved(one: list[float], other: list[float]) -> bool:
    """By more than the form rounds."""
    return any(abs(a - b) > 0.005 for a, b in zip(one, other, strict=True))


def _facts(avatar: Avatar) -> list[tuple[str, Any]]:
    facts: list[tuple[str, Any]] = [
        (_("Kind"), words.word("kind:" + avatar.kind)),
        (_("Size"), f"{avatar.width} × {avatar.height}"),
    ]
    if avatar.frames > 1:
        facts += [(_("Frames"), str(avatar.frames)), (words.word("option:fps"), plain(avatar.fps))]
    if not avatar.shipped:
        facts.append((_("Added"), when(dt.datetime.fromisoformat(avatar.created).timestamp())))
    return facts
