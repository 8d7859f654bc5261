"""The HTTP interface under `/api/v1`: JSON, described by `/api/v1/openapi.json`, a file for each subject."""

from __future__ import annotations

import warnings

from apiflask import APIFlask


def register(app: APIFlask) -> None:
    """Add every subject to the application."""
    from appliance.console.api import (
        account,
        avatars,
        backup,
        description,
        jobs,
        live,
        recordings,
        storage,
        system,
        updates,
        uploads,
    )

    # A schema is described alone and as a list's item, which is meant.
    warnings.filterwarnings("ignore", message=".*has already been added to the spec", module="apispec")
    app.spec_processor(description.complete)
    for subject in (account, system, uploads, jobs, avatars, recordings, storage, updates, backup, live):
        app.register_blueprint(subject.blueprint, url_prefix="/api/v1")
