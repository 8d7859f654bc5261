"""/setup, /login, /logout, and /preferences (language and appearance, which live in cookies of this browser)."""

from __future__ import annotations

import functools
import zoneinfo
from http import HTTPStatus
from typing import Any

from flask import Blueprint, jsonify, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from appliance.console import i18n
from appliance.console.api.system import apply_settings
from appliance.console.box import the_box
from appliance.console.pages.frame import THEME, THEMES
from appliance.console.security import account, first_boot
from appliance.console.security.access import before_setup, public, safe_next
from appliance.console.security.hosts import addresses, is_loopback
from appliance.errors import ApplianceError, InputError

pages = Blueprint("entrance", __name__)

_YEAR_S = 365 * 24 * 3600


@pages.get("/setup")
@before_setup
def setup() -> Response:
    if first_boot.is_done(the_box()):
        return redirect("/", HTTPStatus.SEE_OTHER)
    return _setup_page({"name": "mouthpiece", "language": i18n.language(), "timezone": "UTC"})


@pages.post("/setup")
@before_setup
def set_up() -> Response:
    given = request.form
    try:
        if given.get("password", "") != given.get("repeat", ""):
            raise InputError("the two passwords differ", hint="type the same password twice")
        account.set_up(
            first_boot.Answers(
                password=given.get("password", ""),
                name=given.get("name", ""),
                timezone=given.get("timezone", "UTC"),
                language=given.get("language", "en"),
                network=given.get("network", ""),
                code=given.get("code", ""),
            )
        )
    except ApplianceError as error:
        return _setup_page({**given.to_dict(), "timezone_chosen": True}, error)
    if "lan" in given:
        apply_settings(the_box(), {"lan": True})
    response = redirect("/", HTTPStatus.SEE_OTHER)
    if given.get("language") in i18n.LANGUAGES:
        _remember(response, i18n.COOKIE, given["language"])
    return response


def _setup_page(given: dict[str, Any], problem: ApplianceError | None = None) -> Response:
    blank = dict.fromkeys(("code", "name", "language", "timezone", "network", "lan", "timezone_chosen"), "")
    here = is_loopback(request.remote_addr)
    page = render_template(
        "setup.html",
        given=blank | given,
        problem=problem,
        pairing=not here,
        elsewhere=addresses(the_box()) if here else [],
        zones=zones(),
    )
    return make_response(page, HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK)


@functools.cache
def zones() -> list[str]:
    """Names of time zones, as a person looks for them."""
    return [
        "UTC",
        *sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc")),
    ]


@pages.get("/login")
@public
def login() -> str:
    return _login_page()


@pages.post("/login")
@public
def log_in() -> Response:
    try:
        account.log_in(request.form.get("password", ""))
    except ApplianceError as error:
        status = getattr(error, "status", HTTPStatus.BAD_REQUEST)
        return make_response(_login_page(error), status)
    return redirect(safe_next(request.form.get("next")), HTTPStatus.SEE_OTHER)


def _login_page(problem: ApplianceError | None = None) -> str:
    return render_template("login.html", next=safe_next(request.values.get("next")), problem=problem)


@pages.post("/logout")
@public
def log_out() -> Response:
    account.log_out()
    return redirect("/login", HTTPStatus.SEE_OTHER)


@pages.post("/preferences")
@before_setup
def prefer() -> Response:
    response = redirect(safe_next(request.form.get("next")), HTTPStatus.SEE_OTHER)
    if request.form.get("language") in i18n.LANGUAGES:
        _remember(response, i18n.COOKIE, request.form["language"])
    if request.form.get("theme") in THEMES:
        _remember(response, THEME, request.form["theme"])
    return response


def _remember(response: Response, name: str, value: str) -> None:
    response.set_cookie(name, value, max_age=_YEAR_S, samesite="Strict", secure=request.is_secure, httponly=True)


@pages.get("/messages/<language>.json")
@before_setup
def messages(language: str) -> Response:
    """The texts of a language, for scripts: their own, and what the rest of the box says."""
    known = i18n.catalogue(language) | i18n.said_catalogue(language) if language in i18n.LANGUAGES else {}
    response = jsonify(known)
    response.headers["Cache-Control"] = "private, max-age=300"
    return response
