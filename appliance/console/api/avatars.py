"""Avatars: enrol one from a picture or a video, look at it, move its mouth points, remove it."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, Dict, Float, Integer, List, Nested, String
from apiflask.validators import Length, Range
from flask import Response

from appliance.console import media
from appliance.console.api.shapes import REFUSALS, JobOut, submitted
from appliance.console.box import the_box
from appliance.console.errors import not_found
from appliance.console.security.access import Who, for_kiosk, who
from appliance.errors import InputError
from appliance.jobs import avatars, uploads
from appliance.jobs.avatars import Avatar

blueprint = APIBlueprint("api_avatars", __name__, tag="Avatars")


class AvatarOut(Schema):
    name = String()
    kind = String(metadata={"description": "portrait or template"})
    width = Integer()
    height = Integer()
    frames = Integer()
    fps = Float()
    created = String()
    checksum = String()
    shipped = Boolean(metadata={"description": "part of the program; can be neither changed nor removed"})
    has_preview = Boolean()
    has_sheet = Boolean()
    points = Dict(allow_none=True, metadata={"description": "the mouth's named points, [x, y] in picture pixels"})
    detected = Dict(allow_none=True, metadata={"description": "the same as they were found at first"})


class Avatars(Schema):
    avatars = List(Nested(AvatarOut))


class NewAvatar(Schema):
    name = String(required=True, validate=Length(1, 64))
    upload = String(required=True)
    face = Integer(load_default=None, allow_none=True, validate=Range(min=1, max=1000))
    replace = Boolean(load_default=False)


class Points(Schema):
    points = Dict(required=True, metadata={"description": "name: [x, y]; those left out stay where they are"})


@blueprint.get("/avatars")
@blueprint.output(Avatars)
@blueprint.doc(summary="List the avatars, the shipped one first", responses=REFUSALS)
def list_avatars() -> dict[str, Any]:
    return {"avatars": [_out(avatar) for avatar in avatars.entries(the_box().volumes)]}


@blueprint.post("/avatars")
@blueprint.input(NewAvatar, arg_name="wanted")
@blueprint.output(JobOut, status_code=201)
@blueprint.doc(summary="Enrol an upload as an avatar", responses=REFUSALS)
def enroll(wanted: dict[str, Any]) -> dict[str, Any]:
    box = the_box()
    uploads.get(box.volumes, wanted["upload"])
    if wanted["face"] is None:
        del wanted["face"]
    return submitted(box.jobs.submit("enroll", wanted, title=wanted["name"]))


@blueprint.get("/avatars/<name>")
@for_kiosk
@blueprint.output(AvatarOut)
@blueprint.doc(summary="One avatar", responses=REFUSALS)
def show_avatar(name: str) -> dict[str, Any]:
    return _out(_visible(name))


@blueprint.delete("/avatars/<name>")
@blueprint.output({}, status_code=204)
@blueprint.doc(summary="Remove an avatar", responses=REFUSALS)
def remove_avatar(name: str) -> str:
    avatars.remove(the_box().volumes, _visible(name).name)
    return ""


@blueprint.get("/avatars/<name>/thumbnail.jpg")
@for_kiosk
@blueprint.doc(summary="The avatar, small", responses=REFUSALS)
def show_thumbnail(name: str) -> Response:
    return media.send(_visible(name).thumbnail, "image/jpeg", f"thumbnail of {name!r}")


@blueprint.get("/avatars/<name>/preview.jpg")
@for_kiosk
@blueprint.doc(summary="The avatar's picture, in which its points lie", responses=REFUSALS)
def show_preview(name: str) -> Response:
    avatar = _visible(name)
    if avatar.preview is None:
        raise not_found(f"preview of {name!r}")
    return media.send(avatar.preview, "image/jpeg", f"preview of {name!r}")


@blueprint.get("/avatars/<name>/sheet.jpg")
@blueprint.doc(summary="The avatar in all visemes, once it is drawn", responses=REFUSALS)
def show_sheet(name: str) -> Response:
    avatar = _visible(name)
    if avatar.sheet is None:
        raise not_found(f"sheet of {name!r} yet")
    return media.send(avatar.sheet, "image/jpeg", f"sheet of {name!r}")


@blueprint.post("/avatars/<name>/sheet")
@blueprint.output(JobOut, status_code=201)
@blueprint.doc(summary="Draw the avatar in all visemes", responses=REFUSALS)
def draw_sheet(name: str) -> dict[str, Any]:
    return submitted(the_box().jobs.submit("sheet", {"avatar": _visible(name).name}, title=name))


@blueprint.post("/avatars/<name>/points")
@blueprint.input(Points, arg_name="wanted")
@blueprint.output(JobOut, status_code=201)
@blueprint.doc(summary="Move the mouth's points", responses=REFUSALS)
def move_points(name: str, wanted: dict[str, Any]) -> dict[str, Any]:
    avatar, points = _visible(name), wanted["points"]
    if avatar.shipped:
        raise InputError(f"the avatar {name} is part of the program and cannot be changed")
    if avatar.points is None:
        raise InputError(f"the avatar {name} has no points that could be moved", hint="enrol it again")
    if unknown := sorted(set(points) - set(avatar.points)):
        raise InputError(f"there is no point {unknown[0][:40]!r}", hint=f"points are {', '.join(avatar.points)}")
    return submitted(the_box().jobs.submit("adjust", {"avatar": name, "points": points}, title=name))


def _visible(name: str) -> Avatar:
    """The avatar, or 404; to the kiosk there is only its own."""
    box = the_box()
    try:
        if who() is Who.KIOSK and name != box.settings().kiosk_avatar:
            raise not_found(f"avatar {name[:64]!r}")
        return avatars.get(box.volumes, name)
    except InputError:
        raise not_found(f"avatar {name[:64]!r}") from None


def _out(avatar: Avatar) -> dict[str, Any]:
    names = ("name", "kind", "width", "height", "frames", "fps", "created", "checksum", "shipped", "points", "detected")
    known = {name: getattr(avatar, name) for name in names}
    return {**known, "has_preview": avatar.preview is not None, "has_sheet": avatar.sheet is not None}
