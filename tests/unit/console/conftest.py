"""A console on volumes of its own, asked without a web server."""

from __future__ import annotations

from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console.app import create_app
from appliance.console.box import Box
from appliance.volumes import Volumes

PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture
def app(tmp_path: Path) -> APIFlask:
    return create_app(Volumes(tmp_path))


@pytest.fixture
def box(app: APIFlask) -> Box:
    box: Box = app.extensions["box"]
    return box


@pytest.fixture
def owner(app: APIFlask) -> FlaskClient:
    """Somebody who has set the box up, with the token for changes in every request."""
    client = app.test_client()
    token = client.get("/api/v1/session").json["csrf_token"]  # type: ignore[index]
    done = client.post("/api/v1/setup", json={"password": PASSWORD}, headers={"X-CSRF-Token": token})
    client.environ_base["HTTP_X_CSRF_TOKEN"] = done.json["csrf_token"]  # type: ignore[index]
    return client
