"""The console as a WSGI application.

`create_app(volumes)` puts it together; `app.extensions` holds `"box"` (a `Box`), `"throttle"` (a `Throttle`) and
`"errands"` (an `Errands`). Templates have `csrf_token()` and `who()`. What pages do is in
`appliance.console.pages.register(app)`; what scripts use is in `appliance.console.api`.
"""

from __future__ import annotations

import secrets
from typing import Any, Final

from apiflask import APIFlask

from appliance import __version__
from appliance.console import api, errors, headers, metrics, pages
from appliance.console.box import Box
from appliance.console.errands import Errands
from appliance.console.security import access, bodies, csrf, sessions
from appliance.console.security.throttle import Throttle
from appliance.volumes import Volumes

MAX_BODY: Final = 1 << 20
"""Bytes of a request that brings no file."""


def create_app(volumes: Volumes) -> APIFlask:
    app = APIFlask(
        "appliance.console",
        title="Mouthpiece",
        version=__version__,
        docs_path=None,
        spec_path="/api/v1/openapi.json",
    )
    box = Box(volumes)
    app.extensions["box"] = box
    app.extensions["throttle"] = Throttle()
    app.extensions["errands"] = Errands(box)
    app.config["MAX_FORM_MEMORY_SIZE"] = MAX_BODY
    app.config["MAX_FORM_PARTS"] = 100
    app.jinja_env.globals.update(csrf_token=csrf.csrf_token, who=access.who)
    sessions.install(app, _secret(box))
    access.install(app)
    bodies.install(app)
    headers.install(app)
    errors.install(app)
    errors.install_for_schemas(app)
    api.register(app)
    app.register_blueprint(metrics.blueprint)
    pages.register(app)
    return app


def _secret(box: Box) -> str:
    """What cookies are signed with, made at the first start."""
    if kept := box.configuration().get("secret"):
        return str(kept)

    def add(config: dict[str, Any]) -> None:
        config.setdefault("secret", secrets.token_hex(32))

    return str(box.configure(add)["secret"])
