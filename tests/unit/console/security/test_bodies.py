from __future__ import annotations

import logging

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

LOGIN = "/api/v1/login"


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize(
    ("body", "says"),
    [(rb'{"password": "\ud800"}', "half a character"), (b'{"password": ' + b"[" * 100_000, "nested too deeply")],
)
def test_a_body_that_no_view_could_take_is_refused_in_words(
    app: APIFlask, body: bytes, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    stranger = app.test_client()
    headers = {"X-CSRF-Token": stranger.get("/api/v1/session").json["csrf_token"]}  # type: ignore[index]
    answer = stranger.post(LOGIN, data=body, content_type="application/json", headers=headers)
    assert answer.status_code == 400
    assert says in answer.json["message"]  # type: ignore[index]
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_body_that_is_no_json_is_the_views_to_refuse(owner: FlaskClient) -> None:
    answer = owner.post(LOGIN, data=b"{", content_type="application/json")
    assert answer.status_code == 400
    assert "half" not in answer.json["message"]  # type: ignore[index]


def test_a_file_that_calls_itself_json_is_not_read_as_json(owner: FlaskClient) -> None:
    answer = owner.post("/api/v1/uploads?name=a.wav", data=b"[" * 100_000, content_type="application/json")
    assert answer.status_code == 201
