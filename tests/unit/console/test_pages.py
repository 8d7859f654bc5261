"""The pages as they come from the server, before any script: what they show, and what their forms do."""

from __future__ import annotations

import io
import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.console.box import Box
from appliance.console.pages.jobs import FILTERS
from appliance.jobs.job import State
from appliance.storage.config import ConfigStore

PAGES = ("/", "/new", "/jobs", "/jobs?state=failed", "/avatars", "/logs", "/system", "/kiosk", "/login")
POINTS = {"chin": [50.0, 90.0], "outer_corner_left": [60.25, 70.0]}


@pytest.fixture
def anna(box: Box) -> None:
    """An avatar, as far as the console looks at one."""
    folder = box.volumes.avatars / "anna"
    folder.mkdir(parents=True)
    (folder / "thumbnail.jpg").write_bytes(b"small")
    (folder / "mouth.json").write_text(json.dumps({"points": POINTS, "detected": {**POINTS, "chin": [50.0, 95.0]}}))
    manifest = {
        "kind": "portrait",
        "width": 100,
        "height": 100,
        "frames": 1,
        "fps": 25.0,
        "created": "2026-11-20T10:00:00+00:00",
        "checksum": "0" * 64,
        "files": {"mouth.json": {}, "thumbnail.jpg": {}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def text(response: TestResponse) -> str:
    """What is to be read, without the marks."""
    plain = re.sub(r"<[^>]+>", " ", response.get_data(as_text=True))
    return re.sub(r"\s+", " ", plain)


def say(**given: Any) -> dict[str, Any]:
    """A form for a new video, all but complete."""
    return {"do": "make", "avatar": "anna", "file": (io.BytesIO(b"sound"), "speech.wav"), **given}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_served_while_the_box_does_not_run(owner: FlaskClient, path: str, language: str) -> None:
    owner.set_cookie("language", language)
    page = owner.get(path)
    assert page.status_code == 200
    source = page.get_data(as_text=True)
    assert f'<html lang="{language}"' in source
    assert not re.search(r"<[^>]+\s(style|on\w+)=", source)
    assert not re.search(r"<script(?![^>]*\bsrc=)", source)
    assert not re.search(r"(src|href|action)=\"(https?:)?//", source)


@pytest.mark.usefixtures("anna")
def test_what_does_not_exist_is_said_to_people(owner: FlaskClient) -> None:
    for path in ("/nothing", "/jobs/nothing", f"/jobs/{'a' * 20}", "/avatars/nobody", "/avatars/..%2f..%2fetc"):
        page = owner.get(path, headers={"Accept": "text/html"})
        assert page.status_code == 404, path
        assert "To the overview" in text(page)


@pytest.mark.usefixtures("owner")
def test_from_an_error_the_kiosk_goes_back_to_its_own_page(app: Any) -> None:
    """What the touch screen shows has no address bar, and the overview is not for whoever stands before it."""
    page = app.test_client().post("/preferences", data={"csrf_token": "old"})
    assert page.status_code == 403
    assert 'href="/kiosk"' in page.text
    assert "To the overview" not in page.text


@pytest.mark.usefixtures("anna")
def test_a_video_is_asked_for(owner: FlaskClient, box: Box) -> None:
    options = {"min_resolution": "720", "seed": "0", "fps": "", "switch": ["smooth_motion", "lip_sync_correction"]}
    answer = owner.post("/new", data=say(title=" Hello ", **options, smooth_motion="true"))
    assert answer.status_code == 303
    job = box.jobs.get(answer.location.rpartition("/")[2])
    assert (job.kind, job.title, job.spec["avatar"]) == ("render", "Hello", "anna")
    assert job.spec["options"] == {"min_resolution": 720, "lip_sync_correction": False}
    page = owner.get(f"/jobs/{job.id}")
    assert "Waiting for its turn" in text(page)
    assert "speech.wav" in text(page)
    assert '<meta http-equiv="refresh"' in page.get_data(as_text=True)


@pytest.mark.usefixtures("anna")
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"file": (io.BytesIO(b""), "")}, "There is no recording."),
        ({"avatar": ""}, "No avatar is chosen."),
        ({"avatar": "nobody"}, "There is no avatar nobody."),
        ({"fps": "61"}, "is 61.0, which is not allowed"),
        ({"seed": "1.5"}, "not a whole number"),
        ({"do": "record"}, "The box is not running"),
    ],
)
def test_a_video_that_cannot_be_made_is_refused_and_the_form_keeps_what_was_given(
    owner: FlaskClient, box: Box, changed: dict[str, Any], said: str
) -> None:
    page = owner.post("/new", data=say(title="My title", **changed))
    assert page.status_code in (400, 503)
    assert said in text(page)
    assert 'value="My title"' in page.get_data(as_text=True)
    assert box.jobs.list(kind="render") == []


@pytest.mark.usefixtures("anna")
def test_a_job_is_made_again_with_what_it_was_made_of(owner: FlaskClient) -> None:
    answer = owner.post("/new", data=say(title="Once", dynamic_scale="1.5"))
    page = owner.get(f"/new?again={answer.location.rpartition('/')[2]}").get_data(as_text=True)
    assert 'value="Once"' in page
    assert "speech.wav" in page
    assert re.search(r'name="dynamic_scale"[^>]*value="1.5"', page)


@pytest.mark.usefixtures("anna")
def test_a_job_is_cancelled_tried_again_and_deleted(owner: FlaskClient, box: Box) -> None:
    path = owner.post("/new", data=say()).location
    identifier = path.rpartition("/")[2]
    owner.post(path, data={"do": "cancel"})
    assert box.jobs.get(identifier).state == State.CANCELLED
    assert "This job was cancelled." in text(owner.get(path))
    owner.post(path, data={"do": "retry"})
    assert box.jobs.get(identifier).state == State.QUEUED
    owner.post(path, data={"do": "remove"})
    assert "is queued" in text(owner.get(path))
    owner.post(path, data={"do": "cancel"})
    assert owner.post(path, data={"do": "remove"}).location == "/jobs"
    assert owner.get(path).status_code == 404
    assert owner.post(path, data={"do": "cancel"}).status_code == 404


def test_a_finished_job_says_what_it_wrote_and_what_it_had_of_the_cache(owner: FlaskClient, box: Box) -> None:
    box.jobs.submit("render", {"avatar": "demo", "audio": {"upload": "a" * 20}})
    (job,) = box.jobs.claim("worker", 60)
    result = {"frames": 100, "cached_frames": 75, "bytes_written": {"work": 500_000, "output": 250_000, "cache": 7000}}
    box.jobs.finish(job.id, result)
    shown = text(owner.get(f"/jobs/{job.id}"))
    assert "Written 757 kB" in shown
    assert "Frames from the cache 75 / 100" in shown


def test_jobs_are_listed_by_state_and_in_pages(owner: FlaskClient, box: Box) -> None:
    for number in range(35):
        box.jobs.submit("render", {"avatar": "anna", "audio": {"upload": "a" * 20}}, title=f"video {number:02}")
        box.jobs.submit("inspect", {"upload": "a" * 20})
    box.jobs.cancel(box.jobs.list(kind="render")[0].id)
    first = owner.get("/jobs")
    assert re.findall(r"video \d\d", text(first)) == [f"video {number:02}" for number in range(34, 4, -1)]
    older = re.search(r'href="(/jobs\?before=[^"]+)"', first.get_data(as_text=True))
    assert older
    assert re.findall(r"video \d\d", text(owner.get(older[1]))) == [f"video {number:02}" for number in range(4, -1, -1)]
    assert re.findall(r"video \d\d", text(owner.get("/jobs?state=cancelled"))) == ["video 34"]
    assert {state for states in FILTERS.values() for state in states} == set(State)


def test_what_people_write_is_never_taken_for_marks(owner: FlaskClient, box: Box) -> None:
    evil = "<script>alert(1)</script>"
    job = box.jobs.submit("render", {"avatar": "anna", "audio": {"upload": "a" * 20}}, title=evil)
    for path in ("/", "/jobs", f"/jobs/{job.id}", f"/new?avatar={evil}", f"/logs?part={evil}", f"/login?next=/{evil}"):
        page = owner.get(path).get_data(as_text=True)
        assert evil not in page, path


def test_an_avatar_is_asked_for(owner: FlaskClient, box: Box) -> None:
    given = {"name": "bert", "face": "2", "replace": "yes", "file": (io.BytesIO(b"picture"), "bert.png")}
    job = box.jobs.get(owner.post("/avatars", data=given).location.rpartition("/")[2])
    assert (job.kind, job.spec["name"], job.spec["face"], job.spec["replace"]) == ("enroll", "bert", 2, True)
    page = owner.post("/avatars", data={"name": "bert"})
    assert (page.status_code, "No file is chosen." in text(page)) == (400, True)


@pytest.mark.usefixtures("anna")
def test_only_the_points_that_were_moved_are_sent(owner: FlaskClient, box: Box) -> None:
    shown = {f"{name}.{axis}": str(place) for name, at in POINTS.items() for axis, place in zip("xy", at, strict=True)}
    answer = owner.post("/avatars/anna", data={"do": "adjust", **shown, "chin.y": "91.5"})
    assert box.jobs.get(answer.location.rpartition("/")[2]).spec == {"avatar": "anna", "points": {"chin": [50.0, 91.5]}}
    owner.post("/avatars/anna", data={"do": "adjust", **shown})
    assert "No point was moved." in text(owner.get("/avatars/anna"))
    owner.post("/avatars/anna", data={"do": "adjust", **shown, "chin.y": "low"})
    assert "not a number" in text(owner.get("/avatars/anna"))
    answer = owner.post("/avatars/anna", data={"do": "reset"})
    assert box.jobs.get(answer.location.rpartition("/")[2]).spec["points"]["chin"] == [50.0, 95.0]


@pytest.mark.usefixtures("anna")
def test_an_avatar_is_deleted(owner: FlaskClient, box: Box) -> None:
    assert owner.post("/avatars/anna", data={"do": "remove"}).location == "/avatars"
    assert not (box.volumes.avatars / "anna").exists()
    assert "The avatar anna is deleted." in text(owner.get("/avatars"))


def test_one_wrong_setting_and_none_is_kept(owner: FlaskClient, box: Box) -> None:
    given = {"do": "settings", "keep_outputs_count": "7", "record_max_s": "for ever", "switch": "kiosk_without_login"}
    page = owner.post("/system", data=given)
    assert page.status_code == 400
    assert re.search(r'value="for ever"[^>]*aria-invalid="true"', page.get_data(as_text=True))
    assert re.search(r'name="keep_outputs_count" value="7"', page.get_data(as_text=True))
    assert ConfigStore(box.volumes).read().get("settings", {}) == {}


def test_settings_keep_only_what_differs(owner: FlaskClient, box: Box) -> None:
    given = {"do": "settings", "keep_outputs_count": "7", "record_max_s": "120", "switch": "kiosk_without_login"}
    owner.post("/system", data=given)
    assert ConfigStore(box.volumes).read()["settings"] == {"keep_outputs_count": 7, "kiosk_without_login": False}
    assert "Saved." in text(owner.get("/system"))
    owner.post("/system", data={"do": "settings", "keep_outputs_count": "200"})
    assert ConfigStore(box.volumes).read()["settings"] == {"kiosk_without_login": False}


def test_the_box_is_renamed(owner: FlaskClient, box: Box) -> None:
    owner.post("/system", data={"do": "about", "name": "Not A Name", "timezone": "UTC"})
    assert "which is no host name" in text(owner.get("/system"))
    owner.post("/system", data={"do": "about", "name": "studio", "timezone": "Asia/Shanghai", "network": "hall"})
    kept = box.configuration()
    assert (kept["name"], kept["timezone"], kept["network"]) == ("studio", "Asia/Shanghai", "hall")
    assert "studio" in text(owner.get("/"))


def test_a_token_is_shown_once(owner: FlaskClient) -> None:
    page = owner.post("/system", data={"do": "token", "token-name": "script"}).get_data(as_text=True)
    token = re.search(r'id="token">([^<]+)<', page)
    assert token
    assert token[1] not in owner.get("/system").get_data(as_text=True)


def test_the_password_is_changed_only_by_who_knows_it(owner: FlaskClient) -> None:
    new = "another good one"
    owner.post("/system", data={"do": "password", "old": "wrong", "new": new, "repeat": new})
    assert "The password is wrong." in text(owner.get("/system"))
    owner.post("/system", data={"do": "password", "old": "correct horse battery", "new": new, "repeat": "different"})
    assert "The two passwords differ." in text(owner.get("/system"))


@pytest.mark.usefixtures("anna")
def test_the_kiosk_sees_the_kiosk_and_no_more(owner: FlaskClient) -> None:
    visitor = owner.application.test_client()
    assert visitor.get("/kiosk").status_code == 200
    for path in ("/", "/jobs", "/new", "/avatars/anna", "/logs", "/system"):
        answer = visitor.get(path)
        assert (answer.status_code, answer.location.partition("?")[0]) == (303, "/login"), path


def test_the_kiosk_shows_no_job_but_its_own(owner: FlaskClient, box: Box) -> None:
    job = box.jobs.submit("render", {"avatar": "anna", "audio": {"upload": "a" * 20}}, title="secret")
    visitor = owner.application.test_client()
    assert visitor.get(f"/kiosk?job={job.id}").status_code == 404
    own = box.jobs.submit("render", {"avatar": "anna", "audio": {"upload": "a" * 20}}, key="kiosk-x")
    page = visitor.get(f"/kiosk?job={own.id}")
    assert "Waiting for its turn" in text(page)
    assert 'http-equiv="refresh"' in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("wanted", "goes"), [("/jobs", "/jobs"), ("//evil.example/", "/"), ("https://evil.example", "/")]
)
def test_preferences_are_cookies_and_lead_back_to_the_page(owner: FlaskClient, wanted: str, goes: str) -> None:
    answer = owner.post("/preferences", data={"language": "zh-CN", "theme": "dark", "next": wanted})
    assert (answer.status_code, answer.location) == (303, goes)
    cookies = answer.headers.getlist("Set-Cookie")
    assert {cookie.split("=")[0] for cookie in cookies} >= {"language", "theme"}
    assert all("HttpOnly" in cookie and "SameSite=Strict" in cookie for cookie in cookies)
    page = owner.get("/jobs").get_data(as_text=True)
    assert '<html lang="zh-CN" data-theme="dark">' in page


def test_preferences_that_are_none_are_ignored(owner: FlaskClient) -> None:
    owner.post("/preferences", data={"language": "xx", "theme": "pink"})
    assert '<html lang="en">' in owner.get("/jobs").get_data(as_text=True)


def test_set_up_says_what_is_wrong_and_keeps_what_was_typed(app: Any) -> None:
    visitor = app.test_client()
    token = re.search(r'csrf-token" content="([^"]+)"', visitor.get("/setup").get_data(as_text=True))
    assert token
    given = {"csrf_token": token[1], "password": "short", "repeat": "short", "name": "studio", "timezone": "Asia/Tokyo"}
    page = visitor.post("/setup", data={**given, "language": "en"})
    assert page.status_code == 400
    assert "The password has fewer than 10 characters." in text(page)
    assert 'value="studio"' in page.get_data(as_text=True)
    assert "<option selected>Asia/Tokyo</option>" in page.get_data(as_text=True)
    good = {"password": "long enough for this", "repeat": "long enough for this", "language": "zh-CN", "lan": "yes"}
    assert visitor.post("/setup", data={**given, **good}).status_code == 303
    assert app.extensions["box"].settings().lan
    assert "概览" in text(visitor.get("/"))


def test_set_up_on_the_boxs_own_screen_says_where_another_device_finds_it(app: Any) -> None:
    visitor = app.test_client()
    assert "From another device" not in text(visitor.get("/setup"))
    app.extensions["box"].configure(lambda config: config.update(settings={"lan": True, "https_port": 443}))
    assert f"https://{socket.gethostname().split('.')[0]}.local/" in text(visitor.get("/setup"))
    assert "From another device" not in text(visitor.get("/setup", environ_base={"REMOTE_ADDR": "192.168.1.2"}))


def test_scripts_get_the_texts_of_their_language(owner: FlaskClient, tmp_path: Path) -> None:
    assert owner.get("/messages/zh-CN.json").json["Cancel"] == "取消"  # type: ignore[index]
    assert owner.get("/messages/zh-CN.json").json["nothing is being recorded"] == "没有正在进行的录音"  # type: ignore[index]
    assert owner.get("/messages/en.json").json == {}
    (tmp_path / "secret.json").write_text("{}")
    assert owner.get("/messages/..%2fsecret.json").status_code == 404
