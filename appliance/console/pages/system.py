"""/system: health, processes, devices, settings, name and time, password, API tokens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from appliance import __version__
from appliance.console.api.system import apply_settings
from appliance.console.box import the_box
from appliance.console.i18n import _, _n, said
from appliance.console.pages.entrance import zones
from appliance.console.pages.frame import plain, sentence, tell, tell_error
from appliance.console.pages.live import snapshot
from appliance.console.security import account, first_boot, tokens
from appliance.console.security.access import for_person
from appliance.errors import ApplianceError, InputError
from appliance.settings import TABLE, Setting

pages = Blueprint("system", __name__)

Problems = Mapping[str, ApplianceError]

GROUPS: Final = {
    "videos": ("keep_outputs_count", "keep_outputs_days", "keep_free_gb", "upload_max_mb", "keep_uploads_hours"),
    "microphone": ("microphone", "record_max_s", "record_max_mb", "silence_stop_s"),
    "kiosk": ("kiosk_avatar", "kiosk_idle_s", "kiosk_without_login"),
    "network": ("language", "host", "port", "lan", "https_port", "http_on_lan"),
}
"""The other settings are in the last group, "resources"."""


@pages.get("/system")
@for_person
def show() -> str:
    return _page()


@pages.post("/system")
@for_person
def act() -> Response | str | tuple[str, HTTPStatus]:
    wanted = request.form.get("do", "")
    try:
        match wanted:
            case "settings":
                if problems := _save_settings():
                    tell("problem", _("Nothing was saved."), _("See the settings marked below."))
                    return _page(problems=problems), HTTPStatus.BAD_REQUEST
            case "token":
                _entry, token = tokens.make(the_box(), request.form.get("token-name", "").strip()[:60] or "script")
                return _page(token=token)
            case name if name in _ACTIONS:
                _ACTIONS[name]()
            case _unknown:
                raise InputError(f"there is nothing called {wanted!r} to do with the system")
    except ApplianceError as error:
        tell_error(error)
    anchor = {"settings": "settings", "about": "about", "password": "password", "remove-token": "tokens"}.get(wanted)
    return redirect("/system" + (f"#{anchor}" if anchor else ""), HTTPStatus.SEE_OTHER)


def _check() -> None:
    findings = the_box().control.ask("check").get("findings", [])
    bad = sum(finding.get("status") != "ok" for finding in findings)
    if bad:
        tell("warning", _n("One check complains.", "{n} checks complain.", bad))
    else:
        tell("ok", _("Every check passes."))


def _fix() -> None:
    message = the_box().control.ask("fix", check=request.form.get("check", "")).get("message") or ""
    tell("ok", sentence(said(str(message))) or _("Done."))


def _restart() -> None:
    the_box().control.ask("restart", child=request.form.get("child", ""))
    tell("info", _("Restarting. This page may need a moment."))


def _save_about() -> None:
    given = request.form
    first_boot.check_name(given.get("name", ""))
    first_boot.check_timezone(given.get("timezone", ""))
    change = {"name": given["name"], "timezone": given["timezone"], "network": given.get("network", "")[:200]}
    the_box().configure(lambda config: config.update(change))
    tell("ok", _("Saved."))


def _change_password() -> None:
    given = request.form
    if given.get("new", "") != given.get("repeat", ""):
        raise InputError("the two passwords differ", hint="type the same password twice")
    account.change_password(given.get("old", ""), given.get("new", ""))
    tell("ok", _("The password is changed; every other browser is logged out."))


def _remove_token() -> None:
    tokens.remove(the_box(), request.form.get("token", ""))
    tell("ok", _("The token is taken away."))


_ACTIONS: Final[dict[str, Callable[[], None]]] = {
    "check": _check,
    "fix": _fix,
    "restart": _restart,
    "about": _save_about,
    "password": _change_password,
    "remove-token": _remove_token,
}


def _save_settings() -> Problems:
    """Keep what differs from the defaults; with a single mistake nothing, and what the mistakes are."""
    given, box = request.form, the_box()
    switches = set(given.getlist("switch"))
    values: dict[str, Any] = {}
    problems: dict[str, ApplianceError] = {}
    for name, setting in TABLE.items():
        if setting.kind == "bool" and name not in switches:
            continue
        if setting.kind != "bool" and name not in given:
            continue
        try:
            values[name] = setting.parse(name in given if setting.kind == "bool" else given[name])
        except InputError as error:
            problems[name] = error
    if not problems:
        before = box.settings().values()
        restart = apply_settings(box, values)
        if all(before[name] == value for name, value in values.items()):
            tell("info", _("Nothing was changed."))
        else:
            tell("ok", _("Saved."), _("Restart everything for all of it to take effect.") if restart else "")
    return problems


def _page(*, problems: Problems | None = None, token: str = "") -> str:
    box, now = the_box(), snapshot()
    config = box.configuration()
    worker = now.state("worker")
    return render_template(
        "system.html",
        identity=_("Mouthpiece {version} on {name}", version=__version__, name=config.get("name") or "mouthpiece"),
        sections=(
            ("health", _("Health")),
            ("processes", _("Processes")),
            ("devices", _("Devices")),
            ("settings", _("Settings")),
            ("about", _("Name and time")),
            ("password", _("Password")),
            ("tokens", _("API tokens")),
        ),
        token=token,
        running=now.running,
        complaints=now.complaints,
        fine=[finding for finding in now.findings if finding.get("status") == "ok"],
        children=now.children,
        choices=choices_of(worker),
        refusals=worker.get("refusals") or [],
        microphones=now.state("microphones").get("devices") or [],
        groups=_groups(problems or {}),
        about={name: config.get(name) or "" for name in ("name", "timezone", "network")},
        zones=zones(),
        tokens=tokens.known(box),
    )


def choices_of(worker: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(what, chosen, why) of what the worker's probe chose."""
    names = {
        "engine": _("Engine of the motion network"),
        "device": _("Runs on"),
        "encoder": _("Encoder"),
        "threads": _("Render threads"),
    }
    why = {str(choice["name"]).removeprefix("render_"): str(choice["reason"]) for choice in worker.get("choices") or []}
    return [(text, plain(worker[key]), why.get(key, "")) for key, text in names.items() if worker.get(key)]


def _groups(problems: Problems) -> list[dict[str, Any]]:
    names = {
        "videos": _("Videos and uploads"),
        "microphone": _("Microphone"),
        "kiosk": _("Kiosk"),
        "network": _("Language and network"),
        "resources": _("Logs and resources"),
    }
    grouped = {name for group in GROUPS.values() for name in group}
    members = {**GROUPS, "resources": tuple(name for name in TABLE if name not in grouped)}
    return [
        {
            "name": names[group],
            "open": group == "videos" or any(name in problems for name in members[group]),
            "settings": [_shown(TABLE[name], problems) for name in members[group]],
        }
        for group in names
    ]


def _shown(setting: Setting, problems: Problems) -> dict[str, Any]:
    """A setting's field, with its value, or as it was typed if something was wrong with the form."""
    problem = problems.get(setting.name)
    value: Any = the_box().settings().get(setting.name)
    if problems:
        value = setting.name in request.form if setting.kind == "bool" else request.form.get(setting.name, value)
    return {
        "name": setting.name,
        "kind": setting.kind,
        "meaning": setting.meaning,
        "unit": setting.unit,
        "choices": setting.choices,
        "restart": setting.restart,
        "value": value,
        "bounds": _bounds(setting),
        "problem": problem.message if problem else "",
    }


def _bounds(setting: Setting) -> str | Markup:
    if setting.kind not in ("int", "float"):
        return ""
    if setting.high is None:
        return _("{low} or more", low=plain(setting.low or 0))
    return _("{low} to {high}", low=plain(setting.low or 0), high=plain(setting.high))
