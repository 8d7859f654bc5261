from __future__ import annotations

import re
import time

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console.box import Box
from appliance.console.security import sessions


def who(client: FlaskClient) -> str:
    said = client.get("/api/v1/session").json
    assert said is not None
    return str(said["who"])


def test_a_session_ends_when_it_was_not_used_for_long(owner: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert who(owner) == "person"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + sessions.LIFETIME.total_seconds() - 60)
    assert who(owner) == "person"
    monkeypatch.setattr(time, "time", lambda: now + 2 * sessions.LIFETIME.total_seconds() - 3600)
    assert who(owner) == "person"
    monkeypatch.setattr(time, "time", lambda: now + 4 * sessions.LIFETIME.total_seconds())
    assert who(owner) == "kiosk"


def test_a_cookie_is_renewed_now_and_then_only(owner: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Set-Cookie" not in owner.get("/api/v1/jobs").headers
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1200)
    assert "Set-Cookie" in owner.get("/api/v1/jobs").headers
    assert "Set-Cookie" not in owner.get("/api/v1/jobs").headers


@pytest.mark.usefixtures("owner")
def test_a_kiosk_in_use_keeps_the_token_of_its_page(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is logged in there, and nobody loads the page again."""
    kiosk = app.test_client()
    shown = re.search('name="csrf-token" content="([^"]+)"', kiosk.get("/kiosk").text)
    assert shown is not None
    headers = {"X-CSRF-Token": shown[1]}
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 6 * 3600)
    assert kiosk.get("/api/v1/microphones").status_code == 200
    monkeypatch.setattr(time, "time", lambda: now + 13 * 3600)
    assert kiosk.post("/api/v1/recordings", json={}, headers=headers).status_code == 503  # no supervisor runs here
    monkeypatch.setattr(time, "time", lambda: now + 26 * 3600)
    assert kiosk.post("/api/v1/recordings", json={}, headers=headers).status_code == 403


@pytest.mark.usefixtures("owner")
def test_the_kiosks_browser_gets_no_cookie_before_it_has_a_page(app: APIFlask) -> None:
    assert "Set-Cookie" not in app.test_client().get("/api/v1/microphones").headers


def test_logging_out_forgets_the_cookie(owner: FlaskClient) -> None:
    assert owner.post("/api/v1/logout").status_code == 204
    assert who(owner) == "kiosk"


def test_a_forged_cookie_is_no_session(app: APIFlask, owner: FlaskClient) -> None:
    cookie = owner.get_cookie("mouthpiece")
    assert cookie is not None
    payload, _, rest = cookie.value.partition(".")
    stranger = app.test_client()
    stranger.set_cookie("mouthpiece", f"{payload}x.{rest}")
    assert who(stranger) == "kiosk"
    stranger.set_cookie("mouthpiece", cookie.value)
    assert who(stranger) == "person"


def test_the_secret_is_the_boxs_own_and_stays(app: APIFlask, box: Box) -> None:
    assert app.secret_key == box.configuration()["secret"]
    assert len(str(app.secret_key)) == 64
