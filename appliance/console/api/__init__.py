"""The HTTP interface under `/api/v1`: JSON, described by `/api/v1/openapi.json`, a file for each subject."""

from __future__ import annotations

from apiflask import APIFlask


def register(app: APIFlask) -> None:
    """Add every subject to the application."""
    from appliance.console.api import account, avatars, jobs, live, recordings, system, uploads

    for subject in (account, system, uploads, jobs, avatars, recordings, live):
        app.register_blueprint(subject.blueprint, url_prefix="/api/v1")
