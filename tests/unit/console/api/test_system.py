from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from appliance import __version__
from appliance.console.box import Box
from appliance.pipeline.options import DEFAULTS
from appliance.settings import TABLE


def test_without_a_supervisor_the_status_is_what_files_tell(owner: FlaskClient) -> None:
    status = owner.get("/api/v1/status").json
    assert status is not None
    assert (status["running"], status["version"], status["box"]) == (False, __version__, {})
    assert status["jobs"]["queued"] == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "health"), ("POST", "health/check"), ("POST", "health/fix/space"), ("POST", "restart"),
        ("POST", "recordings"), ("POST", "recordings/stop"),
    ],
)  # fmt: skip
def test_what_needs_the_supervisor_says_so(owner: FlaskClient, method: str, path: str) -> None:
    answer = owner.open(f"/api/v1/{path}", method=method, json={"child": "worker"} if path == "restart" else {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert answer.json is not None
    assert "mouthpiece run" in answer.json["hint"]


def test_settings_are_changed_all_or_none(owner: FlaskClient, box: Box) -> None:
    changed = owner.patch("/api/v1/settings", json={"port": 8081, "silence_stop_s": "2.5", "lan": True})
    assert changed.json is not None
    assert sorted(changed.json["restart"]) == ["lan", "port"]
    assert (box.settings().port, box.settings().silence_stop_s, box.settings().lan) == (8081, 2.5, True)
    assert owner.patch("/api/v1/settings", json={"port": 9000, "log_level": "LOUD"}).status_code == 400
    assert owner.patch("/api/v1/settings", json={"port": 9000, "nonsense": 1}).status_code == 400
    assert owner.patch("/api/v1/settings", json=[1]).status_code == 400
    assert owner.patch("/api/v1/settings", data=b"{", content_type="application/json").status_code == 400
    assert box.settings().port == 8081
    assert owner.patch("/api/v1/settings", json={"port": None, "silence_stop_s": 1.5, "lan": False}).status_code == 200
    assert box.configuration()["settings"] == {}


def test_every_setting_is_shown_with_its_range(owner: FlaskClient) -> None:
    shown = owner.get("/api/v1/settings").json
    assert shown is not None
    assert {one["name"] for one in shown["settings"]} == set(TABLE)
    assert all(one["meaning"] for one in shown["settings"])


def test_the_box_is_renamed_and_moved(owner: FlaskClient, box: Box) -> None:
    assert owner.patch("/api/v1/identity", json={"name": "kiosk-7", "timezone": "Asia/Shanghai"}).status_code == 200
    assert owner.patch("/api/v1/identity", json={"name": "No Name"}).status_code == 400
    assert owner.patch("/api/v1/identity", json={"timezone": "Nowhere"}).status_code == 400
    assert owner.get("/api/v1/identity").json == {"name": "kiosk-7", "timezone": "Asia/Shanghai", "network": ""}
    assert box.configuration()["name"] == "kiosk-7"


def test_the_options_are_the_pipelines(owner: FlaskClient) -> None:
    shown = owner.get("/api/v1/options").json
    assert shown is not None
    assert {one["name"]: one["default"] for one in shown["options"]} == DEFAULTS
