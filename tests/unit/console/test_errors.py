from __future__ import annotations

import logging

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console.errors import RefusedError
from appliance.console.security.access import before_setup
from appliance.control import NotRunningError
from appliance.errors import ApplianceError, InputError, UnhealthyError


def raising(app: APIFlask, error: Exception, path: str = "/api/v1/raise") -> FlaskClient:
    @before_setup
    def view() -> str:
        raise error

    app.add_url_rule(path, view_func=view)
    return app.test_client()


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("no", hint="do this"), 400),
        (ApplianceError("no", hint="do this"), 400),
        (UnhealthyError("no", hint="do this"), 503),
        (NotRunningError("no", hint="do this"), 503),
        (RefusedError(409, "no", hint="do this"), 409),  # type: ignore[arg-type]
    ],
)
def test_an_error_becomes_a_status_with_message_and_hint(app: APIFlask, error: Exception, status: int) -> None:
    answer = raising(app, error).get("/api/v1/raise")
    assert answer.status_code == status
    assert answer.json == {"message": "no", "hint": "do this"}
    assert ("Retry-After" in answer.headers) is (status == 503)


def test_people_get_a_page_in_which_nothing_is_markup(app: APIFlask) -> None:
    answer = raising(app, InputError("<script>alert(1)</script>"), "/raise").get("/raise")
    assert answer.status_code == 400
    assert answer.mimetype == "text/html"
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text


def test_a_bug_shows_nothing_of_itself_but_to_the_log(app: APIFlask, caplog: pytest.LogCaptureFixture) -> None:
    client = raising(app, RuntimeError("the secret inside"))
    with caplog.at_level(logging.ERROR):
        answer = client.get("/api/v1/raise")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "the secret inside" in caplog.text


def test_an_error_is_shown_even_where_its_page_is_broken(app: APIFlask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.jinja_env.filters, "sentence", None)
    app.jinja_env.cache.clear()  # type: ignore[union-attr]
    answer = raising(app, InputError("a < b"), "/raise").get("/raise")
    assert answer.status_code == 400
    assert "a &lt; b" in answer.text


def test_what_does_not_fit_the_description_names_the_field(owner: FlaskClient) -> None:
    answer = owner.post("/api/v1/tokens", json={})
    assert answer.status_code == 422
    assert answer.json is not None
    assert answer.json["hint"].startswith("name: ")
    assert owner.post("/api/v1/tokens", data="{", content_type="application/json").status_code == 400
    assert owner.put("/api/v1/tokens", json={}).status_code == 405


def test_unknown_addresses_are_404_for_scripts_and_people(owner: FlaskClient) -> None:
    assert owner.get("/api/v1/nothing").json["message"]  # type: ignore[index]
    page = owner.get("/nothing", headers={"Accept": "text/html"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
