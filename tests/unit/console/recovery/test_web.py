"""The pages of a box of which little is left, asked without a web server."""

from __future__ import annotations

import re
import threading
import time
from io import BytesIO

import pytest
from flask import Flask

from appliance.console.recovery import entrance, presence, web
from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.volume import Look, Volume
from appliance.console.security import passwords
from tests.recovery_box import PASSWORD
from tests.unit.console.recovery.conftest import Visitor

PAGES = ("/", "/volumes", "/install", "/backup", "/password")
NEW = "another good password"


def test_who_is_not_in_sees_only_the_entrance(visitor: Visitor) -> None:
    for path in ("/", "/volumes", "/install", "/backup"):
        assert "This box needs help" in visitor.get(path)
    assert "A new password" in visitor.get("/password")
    assert visitor.client.get("/healthz").json == {"status": "recovery", "reason": ""}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_every_page_is_there_without_a_script(owner: Visitor, path: str, language: str) -> None:
    text = owner.get(path, **{"Accept-Language": language})
    assert f'<html lang="{language}"' in text
    assert 'aria-current="page"' in text
    assert "<script" not in text
    assert "studio-box" in text


def test_both_the_password_and_the_code_let_in(app: Flask, box: RecoveryBox) -> None:
    for secret in (PASSWORD, presence.written(presence.code(box.volumes))):
        visitor = Visitor(app.test_client())
        assert "What happened" in visitor.post("/login", password=secret)


def test_a_wrong_password_lets_nobody_in(visitor: Visitor) -> None:
    assert "This is neither the password nor the code." in visitor.post("/login", password=NEW)
    assert "This box needs help" in visitor.get("/volumes")


def test_leaving(owner: Visitor) -> None:
    with owner.client.session_transaction() as session:
        token = session["csrf"]
    owner.client.post("/logout", data={"csrf_token": token})
    assert "This box needs help" in owner.get("/")


def test_a_form_from_elsewhere_is_refused(owner: Visitor) -> None:
    assert (
        owner.client.post("/volumes", data={"do": "format", "volume": "config", "typed": "config"}).status_code == 403
    )


def test_another_name_is_not_ours(owner: Visitor) -> None:
    assert owner.client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_what_is_absent_is_said_and_offers_nothing(owner: Visitor) -> None:
    text = owner.get("/volumes")
    assert "There is no NAND flash, or it does not answer." in text
    assert "The disk is not there, or does not answer." in text
    assert re.findall(r'id="typed-(\w+)"', text) == ["config"]


def test_a_volume_is_made_anew_only_under_its_name(owner: Visitor, box: RecoveryBox) -> None:
    text = owner.post("/volumes", do="format", volume="config", typed="data")
    assert "Nothing was done: the name config has to be typed." in text
    assert box.is_password(PASSWORD)


def test_a_page_that_looked_before_the_work_was_done_is_loaded_again(
    owner: Visitor, box: RecoveryBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, volume = threading.Event(), box.parts.all[-1]
    look = type(volume).look

    def work(_: object) -> str:
        may_end.wait(30)
        return "the volume nand was made anew"

    def looked_at_while_it_ends(it: Volume) -> Look:
        found = look(it)
        may_end.set()
        while box.errands.is_busy():
            time.sleep(0.01)
        return found

    monkeypatch.setattr(type(volume), "look", looked_at_while_it_ends)
    box.errands.begin("format", "nand", work)
    assert 'http-equiv="refresh"' in owner.get("/volumes")
    text = owner.get("/volumes")
    assert 'http-equiv="refresh"' not in text
    assert "The volume nand was made anew." in text


def test_a_damaged_configuration_is_repaired(owner: Visitor, box: RecoveryBox) -> None:
    flash = box.volumes.config / "config.nor"
    with flash.open("r+b") as file:
        file.write(b"\0" * 64)
    assert "One of the two copies is damaged" in owner.get("/volumes")
    owner.post("/volumes", do="repair", volume="config")
    settle(box)
    assert box.parts.config.store.load().sound
    assert "The volume config was repaired." in owner.get("/volumes")


def test_the_password_takes_proof(visitor: Visitor, box: RecoveryBox) -> None:
    fields = {"do": "password", "new": NEW, "repeat": NEW}
    assert "Nobody has shown to stand before the box." in visitor.post("/password", **fields)
    assert "The code is wrong." in visitor.post("/password", **fields, code="123")
    assert box.is_password(PASSWORD)
    box.presence.press()
    assert "The new password is set." in visitor.post("/password", **fields)
    assert passwords.matches(box.configuration()["admin"]["hash"], NEW)
    assert not box.is_password(PASSWORD)
    assert box.configuration()["name"] == "studio-box"


def test_who_knows_the_password_has_still_to_prove_it(owner: Visitor, box: RecoveryBox) -> None:
    assert "Nobody has shown" in owner.post("/password", do="password", new=NEW, repeat=NEW)
    assert box.is_password(PASSWORD)


def test_the_code_sets_a_password_and_ends_other_sessions(app: Flask, owner: Visitor, box: RecoveryBox) -> None:
    other = Visitor(app.test_client())
    other.post("/password", do="password", new=NEW, repeat=NEW, code=presence.code(box.volumes))
    assert box.is_password(NEW)
    assert "This box needs help" in owner.get("/volumes")
    assert "Volumes" in other.get("/volumes")


def test_a_bad_password_does_not_use_the_button_up(visitor: Visitor, box: RecoveryBox) -> None:
    box.presence.press()
    assert "fewer than 10 characters" in visitor.post("/password", do="password", new="short", repeat="short")
    assert "The two passwords differ." in visitor.post("/password", do="password", new=NEW, repeat="x")
    assert box.presence.seconds_left() > 0


def test_only_who_is_in_may_send_much(app: Flask, owner: Visitor) -> None:
    cookie = owner.client.get_cookie("mouthpiece")
    assert cookie is not None
    inside = {"COOKIE": f"mouthpiece={cookie.value}"}
    asked = ("POST", "/install"), ("POST", "/login"), ("GET", "/install")
    assert [web.body_limit(app, *one, inside, "http", "192.0.2.1") > web.MAX_BODY for one in asked] == [
        True,
        False,
        False,
    ]
    assert web.body_limit(app, "POST", "/install", {}, "http", "192.0.2.1") == web.MAX_BODY


def test_without_a_disk_nothing_is_installed(owner: Visitor, box: RecoveryBox) -> None:
    owner.client.get("/install")
    with owner.client.session_transaction() as session:
        token = session["csrf"]
    data = {"csrf_token": token, "do": "upload", "file": (BytesIO(b"\r\n--" * (1 << 18)), "new.raucb")}
    owner.client.post("/install", data=data, content_type="multipart/form-data")
    settle(box)
    assert "The disk is not there, so there is nothing to install to." in owner.get("/install")
    assert not (box.volumes.run / "upload").exists()


def test_language_and_look_are_kept(owner: Visitor) -> None:
    with owner.client.session_transaction() as session:
        token = session["csrf"]
    for fields in ({"language": "zh-CN"}, {"theme": "dark"}):
        owner.client.post("/preferences", data={"csrf_token": token, "next": "//evil.example", **fields})
    text = owner.get("/")
    assert '<html lang="zh-CN" data-theme="dark">' in text
    assert "恢复模式" in text


def test_a_session_ends_with_this_start_of_recovery(app: Flask, box: RecoveryBox, owner: Visitor) -> None:
    cookie = owner.client.get_cookie("mouthpiece")
    assert cookie is not None
    again = Visitor(web.create_app(RecoveryBox(box.layout, box.volumes)).test_client())
    again.client.set_cookie("mouthpiece", cookie.value)
    assert "This box needs help" in again.get("/")
    with app.test_request_context():
        assert not entrance.is_in()


def settle(box: RecoveryBox) -> None:
    end = time.monotonic() + 20
    while box.errands.is_busy():
        assert time.monotonic() < end
        time.sleep(0.01)
