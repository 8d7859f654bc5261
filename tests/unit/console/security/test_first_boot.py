from __future__ import annotations

from pathlib import Path

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.console.box import Box
from appliance.console.security import first_boot
from appliance.errors import InputError

PASSWORD = "correct horse battery"  # noqa: S105
VISITOR = {"REMOTE_ADDR": "192.0.2.9"}


def set_up(client: FlaskClient, environ: dict[str, str], **answers: str) -> TestResponse:
    token = client.get("/api/v1/session", environ_base=environ).json["csrf_token"]  # type: ignore[index]
    headers = {"X-CSRF-Token": token}
    return client.post("/api/v1/setup", json={"password": PASSWORD, **answers}, headers=headers, environ_base=environ)


def test_at_the_box_itself_no_code_is_asked_for(app: APIFlask, box: Box) -> None:
    answer = set_up(app.test_client(), {}, name="kiosk", timezone="Europe/Berlin", language="zh-CN", network="port 7")
    assert answer.status_code == 200
    known = box.configuration()
    assert (known["name"], known["timezone"], known["network"]) == ("kiosk", "Europe/Berlin", "port 7")
    assert box.settings().language == "zh-CN"
    assert PASSWORD not in str(known)


def test_from_the_network_it_takes_the_pairing_code(app: APIFlask, box: Box) -> None:
    first_boot.make_code(box)
    code = first_boot.code_file(box.volumes).read_text().strip()
    client = app.test_client()
    assert set_up(client, VISITOR).status_code == 403
    assert set_up(client, VISITOR, code="00000000" if code != "00000000" else "1").status_code == 403
    assert not first_boot.is_done(box)
    assert set_up(client, VISITOR, code=f"{code[:4]}-{code[4:]}").status_code == 200
    assert first_boot.is_done(box)
    assert not first_boot.code_file(box.volumes).exists()


def test_guesses_of_the_pairing_code_are_throttled(app: APIFlask, box: Box) -> None:
    first_boot.make_code(box)
    client = app.test_client()
    statuses = [set_up(client, VISITOR, code=f"guess{n}").status_code for n in range(6)]
    assert statuses[:3] == [403, 403, 403]
    assert statuses[3:] == [429, 429, 429]


def test_without_a_code_nobody_on_the_network_can_set_it_up(app: APIFlask, box: Box) -> None:
    assert set_up(app.test_client(), VISITOR, code="").status_code == 403
    assert not first_boot.is_done(box)


def test_the_code_stays_the_same_until_it_is_used_and_is_for_the_box_alone(app: APIFlask, box: Box) -> None:
    first_boot.make_code(box)
    file: Path = first_boot.code_file(box.volumes)
    code = file.read_text()
    assert len(code.strip()) == 8
    assert file.stat().st_mode & 0o077 == 0
    first_boot.make_code(box)
    assert file.read_text() == code
    set_up(app.test_client(), {})
    first_boot.make_code(box)
    assert not file.exists()


def test_it_is_set_up_once(app: APIFlask, box: Box) -> None:
    assert set_up(app.test_client(), {}).status_code == 200
    before = box.configuration()["admin"]
    assert set_up(app.test_client(), {}).status_code == 409
    assert box.configuration()["admin"] == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short"), ("name", ""), ("name", "Big"), ("name", "-a"), ("name", "a" * 33), ("name", "a.b"),
        ("timezone", "Mars/Olympus"), ("timezone", "../etc/passwd"), ("network", "x" * 1001),
    ],
)  # fmt: skip
def test_a_bad_answer_sets_nothing_up(app: APIFlask, box: Box, field: str, value: str) -> None:
    answer = set_up(app.test_client(), {}, **{field: value})
    assert answer.status_code == 400
    assert answer.json is not None
    assert field.removesuffix("s") in answer.json["message"]
    assert not first_boot.is_done(box)


def test_names_are_host_names() -> None:
    for name in ("a", "kiosk-7", "0"):
        first_boot.check_name(name)
    with pytest.raises(InputError):
        first_boot.check_name("a-")
