"""The web face: the console's look and manners on a plain Flask, without a script anywhere.

`create_app(box)` puts it together. One logs in with the box's password or with the code of the serial console; a
session ends with this start of recovery. Whoever is not logged in may log in, choose a language, and set a new password
with a proof of standing before the box.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Flask, redirect, request
from werkzeug.wrappers import Response

from appliance.console import errors, headers
from appliance.console.errors import RefusedError
from appliance.console.pages import frame
from appliance.console.recovery import bundles, entrance, pages
from appliance.console.recovery.box import RecoveryBox
from appliance.console.security import csrf, hosts

MAX_BODY: Final = 64 * 1024
"""Bytes of a request that brings no file."""
_MEMORY: Final = 1 << 20
"""Bytes of a form besides its file; Werkzeug reads 64 KiB at once, and what of that it holds back counts as well."""
_RESET: Final = ("recovery.password", "recovery.set_password")
PUBLIC: Final = ("static", "recovery.login", "recovery.log_in", "recovery.prefer", "recovery.health", *_RESET)


def create_app(box: RecoveryBox) -> Flask:
    app = Flask("appliance.console")
    app.extensions["box"] = box
    entrance.install(app)
    app.config["MAX_FORM_MEMORY_SIZE"] = _MEMORY
    app.config["MAX_FORM_PARTS"] = 20
    app.jinja_env.globals.update(csrf_token=csrf.csrf_token)
    headers.install(app)
    errors.install(app)
    frame.install(app)
    pages.install(app)

    @app.before_request
    def _gate() -> Response | None:
        if not hosts.is_ours(request.host, box):  # type: ignore[arg-type]  # it has the configuration
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"this box is not {request.host[:100]}",
                hint="use its address, or the name that was given to it",
            )
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            csrf.check()
        if request.endpoint in PUBLIC or entrance.is_in():
            return None
        return redirect("/login", HTTPStatus.SEE_OTHER)

    return app


def body_limit(app: Flask, method: str, path: str, headers: dict[str, str], scheme: str, address: str) -> int:
    """Bytes that a body may have, from its head alone: much only for a bundle, and only from whoever is logged in."""
    if method != "POST" or path != "/install":
        return MAX_BODY
    environ = {f"HTTP_{name}": value for name, value in headers.items()}
    environ |= {"REQUEST_METHOD": method, "PATH_INFO": path, "wsgi.url_scheme": scheme, "REMOTE_ADDR": address}
    environ |= {"SERVER_NAME": "", "SERVER_PORT": ""}
    with app.request_context(environ):
        box: RecoveryBox = app.extensions["box"]
        return max(bundles.room(box.volumes), MAX_BODY) if entrance.is_in() else MAX_BODY
