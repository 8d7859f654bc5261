"""The gate before every view: host name, set-up, who asks, what they may, and the token against forged requests.

A view says whom it serves with a decorator; one that says nothing serves the operator, by session or by API token:

    @public         anybody, also before a login (never before the set-up, except `@before_setup`)
    @before_setup   anybody, also before the set-up
    @for_kiosk      the operator, and the kiosk's own browser without a login
    @for_loopback   the operator, and anybody on the box itself
    @for_person     the operator with a session: a script's token may not (passwords, tokens)

The kiosk is a browser on the box itself (loopback), while the setting `kiosk_without_login` allows it. Who asks is in
`who()`. A person is sent to the log-in page, a script gets 401; what the kiosk may not do is 403.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import quote

from flask import Flask, Request, current_app, g, redirect, request, session
from werkzeug.wrappers import Response

from appliance.console.box import Box, the_box
from appliance.console.errors import RefusedError, is_for_scripts
from appliance.console.security import csrf, first_boot, sessions, tokens
from appliance.console.security.hosts import is_loopback, is_ours

View = TypeVar("View", bound=Callable[..., Any])


class Access(StrEnum):
    BEFORE_SETUP = "before_setup"
    PUBLIC = "public"
    KIOSK = "kiosk"
    LOOPBACK = "loopback"
    OPERATOR = "operator"
    PERSON = "person"


class Who(StrEnum):
    NOBODY = "nobody"
    KIOSK = "kiosk"
    SCRIPT = "script"
    PERSON = "person"


_SERVES: Final = {
    Access.BEFORE_SETUP: frozenset(Who),
    Access.PUBLIC: frozenset(Who),
    Access.KIOSK: frozenset({Who.KIOSK, Who.SCRIPT, Who.PERSON}),
    Access.LOOPBACK: frozenset({Who.SCRIPT, Who.PERSON}),
    Access.OPERATOR: frozenset({Who.SCRIPT, Who.PERSON}),
    Access.PERSON: frozenset({Who.PERSON}),
}
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def _marks(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        view.access = access  # type: ignore[attr-defined]
        return view

    return mark


public = _marks(Access.PUBLIC)
before_setup = _marks(Access.BEFORE_SETUP)
for_kiosk = _marks(Access.KIOSK)
for_loopback = _marks(Access.LOOPBACK)
for_person = _marks(Access.PERSON)


def takes_file(view: View) -> View:
    """Mark a view whose requests may be as large as an upload; all others end at a megabyte."""
    view.takes_file = True  # type: ignore[attr-defined]
    return view


def who() -> Who:
    """Who makes the present request."""
    found: Who = g.who
    return found


def identify(request: Request, content: Any, box: Box) -> Who:
    """Who makes a request, by its token, its session's content, or where it comes from."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind:
        return Who.SCRIPT if kind.lower() == "bearer" and tokens.is_valid(box, token.strip()) else Who.NOBODY
    config = box.configuration()
    if sessions.is_current(content, (config.get("admin") or {}).get("epoch")):
        return Who.PERSON
    if is_loopback(request.remote_addr) and box.settings().get("kiosk_without_login"):
        return Who.KIOSK
    return Who.NOBODY


def may_ask(endpoint: str) -> bool:
    """Whether the present request, which has not passed the gate, would be served by a view."""
    box = the_box()
    return first_boot.is_done(box) and identify(request, session, box) in _SERVES[_access_of(current_app, endpoint)]


def safe_next(target: str | None) -> str:
    """Where to go after a log-in: a path of ours, never another site."""
    if target is None or not target.startswith("/") or target.startswith("//"):
        return "/"
    return target if target.isprintable() and "\\" not in target else "/"  # browsers take a backslash for a slash


def install(app: Flask) -> None:
    @app.before_request
    def _gate() -> Response | None:
        box = the_box()
        g.who = Who.NOBODY
        if not is_ours(request.host, box):
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"this box is not {request.host[:100]}",
                hint="use its address, or the name that was given to it",
            )
        access = _access_of(app, request.endpoint)
        if not first_boot.is_done(box) and access is not Access.BEFORE_SETUP:
            return _to_setup()
        g.who = identify(request, session, box)
        if g.who is Who.PERSON or (g.who is Who.KIOSK and csrf.has_token()):
            sessions.renew()
        here = access is Access.LOOPBACK and is_loopback(request.remote_addr)
        if g.who not in _SERVES[access] and not here:
            return _refuse(g.who, access)
        if request.method not in _SAFE and g.who is not Who.SCRIPT:
            csrf.check()
        return None


def _access_of(app: Flask, endpoint: str | None) -> Access:
    if endpoint == "static":
        return Access.BEFORE_SETUP
    if endpoint is None:
        return Access.OPERATOR
    return getattr(app.view_functions[endpoint], "access", Access.OPERATOR)


def _to_setup() -> Response:
    if is_for_scripts():
        raise RefusedError(
            HTTPStatus.FORBIDDEN, "this box is not set up yet", hint="open it in a browser and set it up"
        )
    return redirect("/setup", HTTPStatus.SEE_OTHER)


def _refuse(asking: Who, access: Access) -> Response:
    if asking is Who.SCRIPT:
        raise RefusedError(HTTPStatus.FORBIDDEN, "an API token may not do this", hint="log in to do it")
    if access is Access.PERSON or asking is Who.NOBODY or request.method in _SAFE:
        if not is_for_scripts():
            path = request.full_path.rstrip("?") if request.method in _SAFE else "/"
            return redirect(f"/login?next={quote(path, safe='/')}", HTTPStatus.SEE_OTHER)
        raise RefusedError(
            HTTPStatus.UNAUTHORIZED,
            "nobody is logged in",
            hint="log in, or send `Authorization: Bearer TOKEN`",
        )
    raise RefusedError(HTTPStatus.FORBIDDEN, "the kiosk may not do this without a login", hint="log in")
