from __future__ import annotations

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console.security.access import safe_next

VISITOR = {"REMOTE_ADDR": "192.0.2.9"}


@pytest.mark.parametrize("target", ["/", "/jobs/abc", "/new?avatar=demo&again=1"])
def test_a_path_of_ours_may_follow_a_login(target: str) -> None:
    assert safe_next(target) == target


@pytest.mark.parametrize(
    "target", [None, "", "jobs", "//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)",
               "///evil.example", "/a\r\nSet-Cookie: x=y"]
)  # fmt: skip
def test_no_other_site_may(target: str | None) -> None:
    assert safe_next(target) == "/"


@pytest.mark.usefixtures("owner")
def test_a_person_is_led_to_the_login_and_back(app: APIFlask) -> None:
    answer = app.test_client().get("/jobs?state=done&x=a%26b", environ_base=VISITOR)
    assert answer.status_code == 303
    assert answer.headers["Location"] == "/login?next=/jobs%3Fstate%3Ddone%26x%3Da%2526b"


@pytest.mark.usefixtures("owner")
def test_the_kiosk_is_only_the_boxs_own_screen(app: APIFlask) -> None:
    client = app.test_client()
    assert client.get("/kiosk").status_code == 200
    assert client.get("/kiosk", environ_base=VISITOR).status_code == 303
    assert client.get("/api/v1/microphones", environ_base=VISITOR).status_code == 401


def test_the_kiosk_can_be_closed(app: APIFlask, owner: FlaskClient) -> None:
    owner.patch("/api/v1/settings", json={"kiosk_without_login": False})
    assert app.test_client().get("/kiosk").status_code == 303
    assert owner.get("/kiosk").status_code == 200


@pytest.mark.usefixtures("owner")
def test_metrics_are_for_the_box_itself_and_for_those_with_a_login(app: APIFlask) -> None:
    client = app.test_client()
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", environ_base=VISITOR).status_code == 401
    assert client.get("/healthz", environ_base=VISITOR).status_code == 200


@pytest.mark.usefixtures("owner")
@pytest.mark.parametrize("header", ["Bearer", "Bearer x", "Basic YTpi", "bearer  ", "x"])
def test_a_wrong_authorization_is_nobody_even_at_the_box(app: APIFlask, header: str) -> None:
    assert app.test_client().get("/kiosk", headers={"Authorization": header}).status_code == 303


def test_a_view_that_says_nothing_is_the_operators(app: APIFlask) -> None:
    app.add_url_rule("/forgotten", view_func=lambda: "secret")
    app.extensions["box"].configure(lambda config: config.update(admin={"hash": "", "epoch": "x"}))
    assert app.test_client().get("/forgotten").status_code == 303
