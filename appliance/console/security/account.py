"""Logging in and out, and changing the password: what the pages and the API share."""

from __future__ import annotations

import logging
from http import HTTPStatus

from flask import current_app, request

from appliance.console.box import the_box
from appliance.console.errors import RefusedError
from appliance.console.security import first_boot, passwords, sessions
from appliance.console.security.throttle import Throttle

log = logging.getLogger(__name__)


def throttle() -> Throttle:
    found: Throttle = current_app.extensions["throttle"]
    return found


def set_up(answers: first_boot.Answers) -> None:
    """Set the box up, and log in whoever did it."""
    sessions.begin(first_boot.complete(the_box(), throttle(), address(), answers))


def log_in(password: str) -> None:
    """Begin a session for whoever knows the password; a `RefusedError` (401 or 429) otherwise."""
    sessions.begin(_checked(password)["epoch"])
    log.info("logged in from %s", address())


def log_out() -> None:
    sessions.end()


def change_password(old: str, new: str) -> None:
    """Give the box a new password. Ends every session but this one."""
    _checked(old)
    admin = first_boot.credentials(new)
    the_box().configure(lambda config: config.update(admin=admin))
    sessions.begin(admin["epoch"])
    log.warning("the password was changed from %s", address())


def address() -> str:
    return request.remote_addr or ""


def _checked(password: str) -> dict[str, str]:
    """The configuration's `admin`, if the password is right."""
    throttle().admit(address())
    admin: dict[str, str] = the_box().configuration().get("admin") or {}
    if not passwords.matches(admin.get("hash", ""), password):
        log.warning("a wrong password from %s", address())
        raise RefusedError(
            HTTPStatus.UNAUTHORIZED,
            "the password is wrong",
            hint="whoever holds the box can set a new one with `mouthpiece reset-password`",
        )
    throttle().succeeded(address())
    return admin
