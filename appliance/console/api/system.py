"""The box itself: its state, health, settings, name, processes, and the table of generation options."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, Dict, Integer, List, Nested, Raw, String
from apiflask.validators import Length
from flask import request

from appliance import __version__
from appliance.console.api.shapes import REFUSALS
from appliance.console.box import Box, free_bytes, the_box
from appliance.console.security import certificate, first_boot
from appliance.control import NotRunningError
from appliance.errors import InputError
from appliance.jobs import options
from appliance.settings import TABLE, Settings, parse

blueprint = APIBlueprint("api_system", __name__, tag="System")


class Status(Schema):
    running = Boolean(metadata={"description": "whether the supervisor answers; if not, what it knows is missing"})
    version = String()
    name = String()
    jobs = Dict(metadata={"description": "how many jobs are in each state"})
    data_free_bytes = Integer()
    certificate_sha256 = String()
    box = Dict(metadata={"description": "what the supervisor says: started, boot, children, cgroup, states"})


class Finding(Schema):
    check = String()
    status = String(metadata={"description": "ok, warning or problem"})
    message = String()
    fix = String()
    details = List(String())


class Findings(Schema):
    findings = List(Nested(Finding))


class Message(Schema):
    message = String()


class SettingOut(Schema):
    name = String()
    value = Raw()
    default = Raw()
    kind = String(metadata={"description": "int, float, bool, choice or text"})
    meaning = String()
    unit = String()
    low = Raw(allow_none=True)
    high = Raw(allow_none=True)
    choices = List(String())
    restart = Boolean(metadata={"description": "a change shows after a restart of the box's processes"})


class SettingsOut(Schema):
    settings = List(Nested(SettingOut))
    restart = List(String(), metadata={"description": "names just changed that need a restart"})


class Child(Schema):
    child = String(required=True, validate=Length(1, 40), metadata={"description": "worker, console or all"})


class Identity(Schema):
    name = String(metadata={"description": "the box answers to NAME.local"})
    timezone = String()
    network = String(validate=Length(max=1000), metadata={"description": "a note for people"})


class OptionOut(Schema):
    name = String()
    default = Raw(allow_none=True)
    kind = String(metadata={"description": "int, float or bool"})
    low = Raw(allow_none=True)
    high = Raw(allow_none=True)
    unit = String()
    meaning = String()


class Options(Schema):
    options = List(Nested(OptionOut))


@blueprint.get("/status")
@blueprint.output(Status)
@blueprint.doc(summary="How the box is doing", responses=REFUSALS)
def show_status() -> dict[str, Any]:
    box = the_box()
    try:
        told = box.control.ask("status")
    except NotRunningError:
        told = {}
    return {
        "running": bool(told),
        "version": __version__,
        "name": box.configuration().get("name", ""),
        "jobs": box.jobs.counts(),
        "data_free_bytes": free_bytes(box.volumes.data),
        "certificate_sha256": certificate.fingerprint(box),
        "box": told,
    }


@blueprint.get("/health")
@blueprint.output(Findings)
@blueprint.doc(summary="What the health checks found last", responses=REFUSALS)
def show_health() -> dict[str, Any]:
    return {"findings": the_box().control.ask("status")["findings"]}


@blueprint.post("/health/check")
@blueprint.output(Findings)
@blueprint.doc(summary="Run every health check now", responses=REFUSALS)
def check_health() -> dict[str, Any]:
    return {"findings": the_box().control.ask("check")["findings"]}


@blueprint.post("/health/fix/<check>")
@blueprint.output(Message)
@blueprint.doc(summary="Let the box mend what a check complains about", responses=REFUSALS)
def fix(check: str) -> dict[str, Any]:
    return {"message": the_box().control.ask("fix", check=check)["message"]}


@blueprint.get("/settings")
@blueprint.output(SettingsOut)
@blueprint.doc(summary="Every setting with its value and range", responses=REFUSALS)
def show_settings() -> dict[str, Any]:
    return {"settings": settings_out(the_box().settings()), "restart": []}


@blueprint.patch("/settings")
@blueprint.output(SettingsOut)
@blueprint.doc(
    summary="Change settings: `{name: value, ...}`; null gives a setting its default back",
    responses=REFUSALS,
)
def change_settings() -> dict[str, Any]:
    changes = request.get_json()
    if not isinstance(changes, dict):
        raise InputError("the settings are not an object", hint="send {name: value, ...}")
    box = the_box()
    return {"restart": apply_settings(box, changes), "settings": settings_out(box.settings())}


def apply_settings(box: Box, changes: dict[str, Any]) -> list[str]:
    """Change settings, all or none; returns the names of those that take effect only after a restart."""
    values = {
        name: TABLE[name].default if given is None and name in TABLE else parse(name, given)
        for name, given in changes.items()
    }
    before = box.settings().values()

    def change(config: dict[str, Any]) -> None:
        overrides = config.setdefault("settings", {})
        for name, value in values.items():
            if value == TABLE[name].default:
                overrides.pop(name, None)
            else:
                overrides[name] = value

    box.configure(change)
    reload_settings(box)
    return [name for name, value in values.items() if TABLE[name].restart and value != before[name]]


def reload_settings(box: Box) -> None:
    """Tell the supervisor; one that is not there reads them when it starts."""
    try:
        box.control.ask("reload")
    except NotRunningError:
        return


def settings_out(settings: Settings) -> list[dict[str, Any]]:
    names = ("name", "default", "kind", "meaning", "unit", "low", "high", "choices", "restart")
    values = settings.values()
    return [{key: getattr(entry, key) for key in names} | {"value": values[name]} for name, entry in TABLE.items()]


@blueprint.get("/identity")
@blueprint.output(Identity)
@blueprint.doc(summary="What the box is called and where it stands", responses=REFUSALS)
def show_identity() -> dict[str, Any]:
    return _identity()


@blueprint.patch("/identity")
@blueprint.input(Identity(partial=True), arg_name="changes")
@blueprint.output(Identity)
@blueprint.doc(summary="Rename the box, or move it", responses=REFUSALS)
def change_identity(changes: dict[str, Any]) -> dict[str, Any]:
    first_boot.check_name(changes.get("name", "mouthpiece"))
    first_boot.check_timezone(changes.get("timezone", "UTC"))
    the_box().configure(lambda config: config.update(changes))
    return _identity()


def _identity() -> dict[str, str]:
    config = the_box().configuration()
    return {name: config.get(name, "") for name in ("name", "timezone", "network")}


@blueprint.post("/restart")
@blueprint.input(Child, arg_name="wanted")
@blueprint.output({}, status_code=202)
@blueprint.doc(summary="Restart one of the box's processes, or all", responses=REFUSALS)
def restart(wanted: dict[str, str]) -> dict[str, Any]:
    the_box().control.ask("restart", child=wanted["child"])
    return {}


@blueprint.get("/options")
@blueprint.output(Options)
@blueprint.doc(summary="The generation options with their ranges", responses=REFUSALS)
def show_options() -> dict[str, Any]:
    return {"options": [{"name": name, **option} for name, option in options.table().items()]}
