"""The pages of recovery: `/` what happened, `/volumes`, `/install`, `/backup`, `/password`.

Forms are posted to the page that shows them, with the field `do`; the answer leads to the page again. Work that takes
longer is an errand, which every page shows and, while it runs, looks after by loading itself again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from flask import Blueprint, Flask, current_app, g, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from appliance.console import i18n
from appliance.console.i18n import _
from appliance.console.pages.frame import THEME, THEMES, Place, sentence, tell, tell_error
from appliance.console.pages.words import N
from appliance.console.recovery import bundles, entrance, happened
from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.errand import Progress
from appliance.console.security import passwords, sessions
from appliance.errors import ApplianceError, InputError
from appliance.update.sealed import MIN_PASSPHRASE, check_passphrase

log = logging.getLogger(__name__)
pages = Blueprint("recovery", __name__)

_YEAR_S: Final = 365 * 24 * 3600
KINDS: Final = {
    "install": N("A system is being installed"),
    "repair": N("A volume is being repaired"),
    "format": N("A volume is being made anew"),
    "backup": N("A backup is being written"),
}
STATES: Final = {"ok": N("fine"), "warning": N("warning"), "problem": N("problem"), "off": N("not there")}


def install(app: Flask) -> None:
    app.register_blueprint(pages)
    app.jinja_env.globals.update(places=places, errand=errand, inside=entrance.is_in)


def the_box() -> RecoveryBox:
    found: RecoveryBox = current_app.extensions["box"]
    return found


def places() -> list[Place]:
    found = (
        ("/", "overview", _("What happened")),
        ("/volumes", "storage", _("Volumes")),
        ("/install", "updates", _("Install")),
        ("/backup", "download", _("Backup")),
        ("/password", "key", _("Password")),
    )
    return [Place(href, icon, name, request.path == href) for href, icon, name in found]


@pages.before_app_request
def _note_errand() -> None:
    """Before anything is looked at: a page that says that it is done then shows what it did."""
    g.errand = the_box().errands.latest()


def errand() -> dict[str, Any] | None:
    """The latest errand, in words."""
    latest: Progress | None = g.get("errand")
    if latest is None:
        return None
    return {
        "state": latest.state,
        "title": _(KINDS[latest.kind]),
        "about": latest.about,
        "share": latest.share,
        "says": sentence(i18n.said(latest.message)),
        "fix": sentence(i18n.said(latest.hint)),
    }


def _answer(actions: dict[str, Callable[[], None]]) -> Response:
    """Do what the form asks for, and come back."""
    try:
        wanted = request.form.get("do", "")
        if wanted not in actions:
            raise InputError(f"there is nothing called {wanted[:40]!r} to do here")
        actions[wanted]()
    except ApplianceError as error:
        tell_error(error)
    return redirect(request.path, HTTPStatus.SEE_OTHER)


@pages.get("/")
def overview() -> str:
    box = the_box()
    looks = [(volume, volume.look()) for volume in box.parts.all]
    said = happened.said(box.volumes, request.args.get("level", "INFO"))
    return render_template(
        "recovery_overview.html",
        reason=happened.REASONS[happened.reason()],
        board=box.layout.title,
        looks=looks,
        states=STATES,
        slots=happened.slots(),
        order=_order(box),
        said_last=said,
        updates=happened.updates(box.volumes),
        disks=happened.disks(),
    )


def _order(box: RecoveryBox) -> dict[str, str]:
    try:
        return box.parts.environment.variables()
    except ApplianceError:
        return {}


@pages.post("/reboot")
def reboot() -> Response | str:
    """Answers before it does so, and not by leading to a page that nobody serves any more."""
    box = the_box()
    if box.errands.is_busy():
        tell_error(InputError("other work is not done yet", hint="wait until it is"))
        return redirect("/", HTTPStatus.SEE_OTHER)
    box.reboot_soon()
    return render_template("recovery_reboot.html")


@pages.get("/volumes")
def volumes() -> str:
    looks = [(volume, volume.look()) for volume in the_box().parts.all]
    return render_template("recovery_volumes.html", looks=looks, states=STATES)


@pages.post("/volumes")
def change_volume() -> Response:
    return _answer({"repair": _repair, "format": _format, "look": lambda: the_box().parts.attach()})


def _repair() -> None:
    box, name = the_box(), request.form.get("volume", "")
    box.errands.begin("repair", name, box.repair_work(name))


def _format() -> None:
    box, name = the_box(), request.form.get("volume", "")
    box.errands.begin("format", name, box.format_work(name, request.form.get("typed", "")))


@pages.get("/install")
def bundle() -> str:
    box = the_box()
    return render_template(
        "recovery_install.html",
        room=bundles.room(box.volumes),
        found=[] if box.errands.is_busy() else box.sticks.bundles(),
        slots=happened.slots(),
    )


@pages.post("/install")
def install_bundle() -> Response:
    return _answer({"upload": _upload, "stick": _from_stick})


def _upload() -> None:
    box, file = the_box(), request.files.get("file")
    if file is None or not file.filename:
        raise InputError("no file was sent", hint="choose a bundle, a file that ends in .raucb")
    if box.errands.is_busy():
        raise InputError("other work is not done yet", hint="wait until it is")
    kept = bundles.keep(box.volumes, file.stream, file.filename)
    box.errands.begin("install", kept.name, box.upload_work(kept))


def _from_stick() -> None:
    box, name = the_box(), request.form.get("name", "")
    box.errands.begin("install", name, box.stick_work(request.form.get("stick", ""), name))


@pages.get("/backup")
def backup() -> str:
    box = the_box()
    return render_template(
        "recovery_backup.html",
        sticks=box.sticks.all(),
        config=bool(box.configuration()),
        data=box.volumes.data.is_mount(),
        state=box.volumes.state.is_mount(),
        least=MIN_PASSPHRASE,
    )


@pages.post("/backup")
def save() -> Response:
    return _answer({"backup": _backup})


def _backup() -> None:
    box, passphrase = the_box(), request.form.get("passphrase", "")
    if passphrase != request.form.get("repeat"):
        raise InputError("the two passphrases differ", hint="type the same passphrase twice")
    check_passphrase(passphrase)
    stick = box.sticks.named(request.form.get("stick", ""))
    box.errands.begin("backup", stick.label or stick.name, box.backup_work(stick.name, passphrase))


@pages.get("/password")
def password() -> str:
    return render_template("recovery_password.html", seconds=the_box().presence.seconds_left())


@pages.post("/password")
def set_password() -> Response:
    return _answer({"password": _set_password, "look": lambda: None})


def _set_password() -> None:
    box, new = the_box(), request.form.get("new", "")
    if new != request.form.get("repeat", ""):
        raise InputError("the two passwords differ", hint="type the same password twice")
    passwords.check(new)
    address = request.remote_addr or ""
    box.presence.prove(request.form.get("code", ""), address)
    box.reset_password(new)
    log.warning("the password was reset from %s", address)
    entrance.begin()
    tell("ok", _("The new password is set. It counts from now on, here as in the box."))


@pages.get("/login")
def login() -> Response | str:
    return redirect("/", HTTPStatus.SEE_OTHER) if entrance.is_in() else _login_page()


def _login_page(problem: ApplianceError | None = None) -> str:
    known = bool((the_box().configuration().get("admin") or {}).get("hash"))
    return render_template("recovery_login.html", problem=problem, known=known)


@pages.post("/login")
def log_in() -> Response:
    box, given, address = the_box(), request.form.get("password", ""), request.remote_addr or ""
    try:
        box.throttle.admit(address)
        if not (box.presence.is_code(given) or box.is_password(given)):
            raise InputError("this is neither the password nor the code")
    except ApplianceError as error:
        return make_response(_login_page(error), getattr(error, "status", HTTPStatus.UNAUTHORIZED))
    box.throttle.succeeded(address)
    entrance.begin()
    log.warning("logged in from %s", address)
    return redirect("/", HTTPStatus.SEE_OTHER)


@pages.post("/logout")
def log_out() -> Response:
    sessions.end()
    return redirect("/login", HTTPStatus.SEE_OTHER)


@pages.post("/preferences")
def prefer() -> Response:
    target = request.form.get("next", "/")
    response = redirect(target if target in _OWN else "/", HTTPStatus.SEE_OTHER)
    for name, known in ((i18n.COOKIE, tuple(i18n.LANGUAGES)), (THEME, THEMES)):
        if request.form.get(name) in known:
            response.set_cookie(
                name, request.form[name], max_age=_YEAR_S, samesite="Strict", secure=request.is_secure, httponly=True
            )
    return response


_OWN: Final = ("/", "/volumes", "/install", "/backup", "/password", "/login")


@pages.get("/healthz")
def health() -> dict[str, str]:
    """As the box's own console has it, for whoever watches from outside."""
    return {"status": "recovery", "reason": happened.reason()}
