"""/updates: what runs, installing and going back, the history; backup and restore."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request
from werkzeug.wrappers import Response

from appliance.console.admission import upload_limit
from appliance.console.api import backup, updates
from appliance.console.api.uploads import keep_upload
from appliance.console.box import the_box
from appliance.console.errands import errands
from appliance.console.i18n import _, _n, said
from appliance.console.pages.frame import sentence, tell, tell_error
from appliance.console.pages.words import N
from appliance.console.security.access import for_person, takes_file
from appliance.errors import ApplianceError, InputError
from appliance.update import slots
from appliance.update.history import BEGUN

pages = Blueprint("updates", __name__)

_STAGES: Final = {
    "": N("Beginning"),
    "fetching": N("Fetching the file"),
    "installing": N("Writing the other slot"),
    "checking": N("Checking the backup"),
}
_EVENTS: Final = {
    "begun": N("begun"),
    "installed": N("installed"),
    "failed": N("not installed"),
    "confirmed": N("proved itself"),
    "rolled back": N("rolled back"),
    "recovered": N("installed by recovery"),
}
_TONES: Final = {
    "confirmed": "ok",
    "installed": "ready",
    "begun": "waiting",
    "failed": "failed",
    "rolled back": "warning",
    "recovered": "ready",
}
_HISTORY: Final = 30


@pages.get("/updates")
@for_person
def show() -> str:
    return _page()


@pages.post("/updates")
@for_person
@takes_file
def act() -> Response:
    wanted = request.form.get("do", "")
    try:
        if wanted == "backup":
            if request.form.get("passphrase") != request.form.get("repeat"):
                raise InputError("the two passphrases differ", hint="type the same passphrase twice")
            return backup.backup_file(the_box(), request.form.get("passphrase", ""))
        if wanted not in _ACTIONS:
            raise InputError(f"there is nothing called {wanted!r} to do with updates")
        _ACTIONS[wanted]()
    except ApplianceError as error:
        tell_error(error)
    return redirect("/updates", HTTPStatus.SEE_OTHER)


def _install() -> None:
    updates.begin_install(keep_upload())


def _fetch() -> None:
    updates.begin_install_from(request.form.get("url", "").strip())


def _mark_good() -> None:
    slots.mark_good(the_box().volumes, "hand")
    tell("ok", _("The system that runs is kept."))


def _roll_back() -> None:
    volumes = the_box().volumes
    untried = slots.status(volumes)["untried"]
    slots.rollback(volumes, "asked for")
    if untried:
        tell("info", _("Version {version} is called off; the system that runs stays.", version=untried))
    else:
        tell("info", _("The other system starts with the next reboot."))


def _reboot() -> None:
    updates.reboot_box(the_box())
    tell("info", _("The box reboots. This page may need a minute."))


def _restore() -> None:
    backup.begin_restore(keep_upload(), request.form.get("passphrase", ""))


_ACTIONS: Final[dict[str, Callable[[], None]]] = {
    "install": _install,
    "fetch": _fetch,
    "mark-good": _mark_good,
    "rollback": _roll_back,
    "reboot": _reboot,
    "restore": _restore,
    "cancel": lambda: errands().cancel(),
}


def _page() -> str:
    box = the_box()
    try:
        now, trouble = updates.updates_now(box), None
    except ApplianceError as error:
        now, trouble = {"available": False, "slots": [], "history": [], "errand": errands().latest()}, error
    return render_template(
        "updates.html",
        now=now,
        trouble=trouble,
        slots=[_slot(slot, now) for slot in now["slots"]],
        waiting=now["available"] and now["primary"] != now["booted"],
        errand=_errand(now["errand"]),
        history=[_event(event) for event in _told(now["history"])],
        limit_bytes=upload_limit(box),
    )


def _slot(slot: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    if slot["booted"]:
        state, label = "ready", _("runs now")
    elif slot["boot_status"] == "good":
        state, label = "ok", _("can boot")
    else:
        state, label = "off", _("cannot boot")
    version = now["version"] if slot["booted"] else slot["version"]
    return {**slot, "version": version, "state": state, "label": label, "next": slot["name"] == now["primary"]}


def _errand(errand: dict[str, Any] | None) -> dict[str, Any] | None:
    if errand is None:
        return None
    share = min(1.0, errand["done"] / errand["total"]) if errand["total"] else 0.0
    left = errand["eta_s"]
    return {
        **errand,
        "share": share,
        "stage": _(_STAGES.get(errand["stage"], errand["stage"])),
        "eta": "" if left is None else _n("about a minute left", "about {n} minutes left", max(1, round(left / 60))),
        "says": sentence(said(errand["message"])),
        "fix": sentence(said(errand["hint"])),
        # RAUC cannot be called off, and stopping half-way would spoil the slot.
        "stoppable": errand["stage"] != "installing",
    }


def _told(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The newest first; that one was begun says nothing once it is known how it ended."""
    ended = [event for event in history[:-1] if event["event"] != BEGUN] + history[-1:]
    return ended[: -_HISTORY - 1 : -1]


def _event(event: dict[str, Any]) -> dict[str, Any]:
    name = str(event["event"])
    return {
        **event,
        "label": _(_EVENTS.get(name, name)),
        "tone": _TONES.get(name, "off"),
        "reason": said(str(event.get("reason", ""))),
    }
