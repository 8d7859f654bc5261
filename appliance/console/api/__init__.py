"""The HTTP interface under `/api/v1`: JSON, described by `/api/v1/openapi.json`, a file for each subject."""

from __future__ import annotations

from apiflask import APIFlask


def register(app: APIFlask) -> None:
    from appliance.console.api import account

    for module in (account,):
        app.register_blueprint(module.blueprint, url_prefix="/api/v1")
