from __future__ import annotations

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console import admission
from appliance.console.admission import body_limit, upload_limit
from appliance.console.app import MAX_BODY
from appliance.console.box import Box


def asked(app: APIFlask, owner: FlaskClient | None, path: str, **more: str) -> int:
    cookie = owner.get_cookie("mouthpiece") if owner else None
    headers = {"HOST": "localhost"} | ({"COOKIE": f"mouthpiece={cookie.value}"} if cookie else {}) | more
    return body_limit(app, "POST", path, headers, "http", "192.0.2.1")


def test_only_somebody_who_may_brings_much_and_only_where_files_go(app: APIFlask, owner: FlaskClient) -> None:
    for path in ("/api/v1/uploads", "/new", "/avatars"):
        assert asked(app, owner, path) > upload_limit(app.extensions["box"])
        assert asked(app, None, path) == MAX_BODY
    for path in ("/api/v1/jobs", "/login", "/nothing", "/static/x", "/api/v1/uploads/../jobs", "*", ""):
        assert asked(app, owner, path) == MAX_BODY


def test_a_cookie_of_the_other_scheme_does_not_count(app: APIFlask, owner: FlaskClient) -> None:
    cookie = owner.get_cookie("mouthpiece")
    assert cookie is not None
    headers = {"COOKIE": f"mouthpiece={cookie.value}"}
    assert body_limit(app, "POST", "/api/v1/uploads", headers, "https", "192.0.2.1") == MAX_BODY


def test_before_the_set_up_nobody_brings_a_file(app: APIFlask) -> None:
    assert asked(app, None, "/api/v1/uploads") == MAX_BODY


def test_the_kiosk_brings_no_files(app: APIFlask, owner: FlaskClient) -> None:
    assert owner.get("/api/v1/session").status_code == 200
    assert body_limit(app, "POST", "/api/v1/uploads", {}, "http", "127.0.0.1") == MAX_BODY


def test_an_upload_leaves_the_space_that_is_to_stay_free(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    box.configure(lambda config: config.update(settings={"upload_max_mb": 100, "keep_free_gb": 1.0}))
    monkeypatch.setattr(admission, "free_bytes", lambda _: 10**12)
    assert upload_limit(box) == 100 * 10**6
    monkeypatch.setattr(admission, "free_bytes", lambda _: 10**9 + 90 * 10**6)
    assert upload_limit(box) == 30 * 10**6
    monkeypatch.setattr(admission, "free_bytes", lambda _: 10**8)
    assert upload_limit(box) == 0
