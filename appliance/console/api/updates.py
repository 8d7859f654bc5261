"""Updates of the whole system: what runs, installing a bundle, going back, rebooting. RAUC does the work.

A bundle is streamed to the data disk, checked, and installed by an errand of the console; RAUC, which is root, reads it
there. Who may ask RAUC is the bus's policy: the box's user may.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, Dict, List, String
from apiflask.validators import Length

from appliance.console.api.shapes import REFUSALS
from appliance.console.api.uploads import keep_upload
from appliance.console.box import Box, the_box
from appliance.console.errands import errands
from appliance.console.security.access import takes_file
from appliance.errors import ApplianceError
from appliance.jobs import leftovers
from appliance.jobs.uploads import Upload
from appliance.update import fetch, rauc, reboot, slots
from appliance.update.step import Step

blueprint = APIBlueprint("api_updates", __name__, tag="Updates")


class UpdatesOut(Schema):
    available = Boolean(metadata={"description": "whether this machine has slots; without, all below is empty"})
    version = String(metadata={"description": "what runs"})
    compatible = String(metadata={"description": "the kind of board"})
    booted = String(metadata={"description": "name of a slot"})
    primary = String(metadata={"description": "the slot that boots next"})
    trial = String(allow_none=True, metadata={"description": "the version that has yet to prove itself"})
    untried = String(allow_none=True, metadata={"description": "the version that is installed and waits for a reboot"})
    slots = List(Dict())
    history = List(Dict(), metadata={"description": "the oldest first: t, event, version, slot, reason"})
    errand = Dict(allow_none=True, metadata={"description": "the last installation or restore: state, done, total"})


class UrlIn(Schema):
    url = String(required=True, validate=Length(1, 2000), metadata={"description": "http or https"})


class UpdateMessage(Schema):
    message = String()


@blueprint.get("/updates")
@blueprint.output(UpdatesOut)
@blueprint.doc(summary="What runs, what is in the slots, and what was installed", responses=REFUSALS)
def show_updates() -> dict[str, Any]:
    return updates_now(the_box())


@blueprint.post("/updates/bundle")
@takes_file
@blueprint.output(UpdateMessage, status_code=202)
@blueprint.doc(
    summary="Install a bundle",
    description="Either `multipart/form-data` with the field `file`, or the bundle itself as the body with `?name=`. "
    "How far it is, `errand` of `GET /updates` tells.",
    responses=[*REFUSALS, 507],
)
def install_bundle() -> dict[str, Any]:
    begin_install(keep_upload())
    return {"message": "the update is being installed"}


@blueprint.post("/updates/url")
@blueprint.input(UrlIn, arg_name="given")
@blueprint.output(UpdateMessage, status_code=202)
@blueprint.doc(summary="Fetch a bundle from a web server, and install it", responses=REFUSALS)
def install_url(given: dict[str, Any]) -> dict[str, Any]:
    begin_install_from(given["url"])
    return {"message": "the update is being fetched"}


@blueprint.post("/updates/mark-good")
@blueprint.output(UpdateMessage)
@blueprint.doc(summary="Keep the system that runs, without waiting for the health checks", responses=REFUSALS)
def mark_good() -> dict[str, Any]:
    return {"message": slots.mark_good(the_box().volumes, "hand")}


@blueprint.post("/updates/rollback")
@blueprint.output(UpdateMessage)
@blueprint.doc(
    summary="Boot the other slot from the next reboot on; before the reboot that an update waits for, call that off",
    responses=REFUSALS,
)
def roll_back() -> dict[str, Any]:
    return {"message": slots.rollback(the_box().volumes, "asked for")}


@blueprint.post("/updates/reboot")
@blueprint.output(UpdateMessage, status_code=202)
@blueprint.doc(summary="Reboot the box", responses=REFUSALS)
def restart_box() -> dict[str, Any]:
    reboot_box(the_box())
    return {"message": "the box reboots"}


def updates_now(box: Box) -> dict[str, Any]:
    """The answer of `GET /updates`."""
    try:
        found = {"available": True, **slots.status(box.volumes)}
    except rauc.NoRaucError:
        found = {"available": False, "slots": [], "history": []}
    return found | {"errand": errands().latest()}


def reboot_box(box: Box) -> None:
    rauc.system()  # elsewhere nobody would hear it
    reboot.request(box.volumes)


def begin_install(upload: Upload) -> None:
    """Check a bundle, then install it in the background; it is removed in the end."""
    box = the_box()

    def remove(_done: bool) -> None:
        leftovers.remove(upload.path.parent)

    def work(step: Step) -> str:
        return _install(box, upload.path, step, name=upload.name)

    try:
        slots.check(upload.path, upload.name)
        errands().begin("install", work, remove)
    except ApplianceError:
        remove(False)
        raise


def begin_install_from(url: str) -> None:
    box = the_box()
    rauc.system()
    fetch.check_url(url)

    def work(step: Step) -> str:
        with fetch.fetched(url, box.volumes.uploads, step) as path:
            return _install(box, path, step)

    errands().begin("install", work)


def _install(box: Box, bundle: Path, step: Step, *, name: str = "") -> str:
    found = slots.install(box.volumes, bundle, box.control.problems(), step, name=name)
    return f"version {found.version} is installed; it starts with the next reboot"
