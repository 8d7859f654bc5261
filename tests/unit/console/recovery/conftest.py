"""A box in recovery, and who visits its pages."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from appliance.console.recovery import presence
from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.web import create_app
from tests.recovery_box import recovery_box


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RecoveryBox:
    made = recovery_box(tmp_path)
    monkeypatch.setattr(made.parts, "attach", lambda: None)
    return made


@pytest.fixture
def app(box: RecoveryBox) -> Flask:
    return create_app(box)


class Visitor:
    """Fills in forms as people do."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **headers: str) -> str:
        return self.client.get(path, headers=headers, follow_redirects=True).text

    def post(self, path: str, **fields: str) -> str:
        self.client.get(path)
        with self.client.session_transaction() as session:
            token = session["csrf"]
        return self.client.post(path, data={"csrf_token": token, **fields}, follow_redirects=True).text


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def owner(visitor: Visitor, box: RecoveryBox) -> Visitor:
    visitor.post("/login", password=presence.code(box.volumes))
    return visitor
