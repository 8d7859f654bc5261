from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from appliance.console.box import Box
from appliance.jobs import outputs


@pytest.fixture
def upload(owner: FlaskClient) -> str:
    made = owner.post("/api/v1/uploads?name=a.wav", data=b"sound").json
    assert made is not None
    return str(made["id"])


def submit(owner: FlaskClient, upload: str, *, key: str = "", **more: Any) -> TestResponse:
    wanted = {"avatar": "demo", "audio": {"upload": upload}, **more}
    return owner.post("/api/v1/jobs", json=wanted, headers={"Idempotency-Key": key} if key else {})


def test_a_job_is_queued_as_it_was_asked_for(owner: FlaskClient, box: Box, upload: str) -> None:
    answer = submit(owner, upload, options={"fps": 30, "seed": None}, title="Hello", priority=5, face=2)
    assert answer.status_code == 201
    assert answer.json is not None
    job = box.jobs.get(answer.json["id"])
    assert job.spec == {"avatar": "demo", "audio": {"upload": upload}, "options": {"fps": 30}, "face": 2}
    assert (job.title, job.priority, job.state) == ("Hello", 5, "queued")
    shown = owner.get(f"/api/v1/jobs/{job.id}").json
    assert shown is not None
    assert (shown["state"], shown["has_video"], shown["progress"]) == ("queued", False, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"avatar": "nobody"}, {"avatar": "../x"}, {"avatar": {"upload": "a" * 20}}, {"avatar": 7}, {"avatar": []},
        {"audio": {"upload": "a" * 20}}, {"audio": {}}, {"audio": {"upload": ["x"]}}, {"audio": {"upload": None}},
        {"options": {"fps": 1000}}, {"options": {"nonsense": 1}}, {"face": 0}, {"priority": 1000}, {"title": "x" * 201},
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused_at_once(owner: FlaskClient, box: Box, upload: str, wrong: Any) -> None:
    answer = submit(owner, upload, **wrong)
    assert answer.status_code in (400, 422), answer.text
    assert answer.json is not None
    assert answer.json["message"]
    assert box.jobs.list(kind="render") == []


def test_the_same_key_gives_the_same_job_and_no_other(owner: FlaskClient, box: Box, upload: str) -> None:
    first, second = (submit(owner, upload, key="abc").json for _ in range(2))
    assert first is not None
    assert second is not None
    assert first["id"] == second["id"]
    assert submit(owner, upload, key="abc", options={"fps": 30}).status_code == 409
    assert submit(owner, upload, key="x" * 300).status_code == 400
    assert len(box.jobs.list(kind="render")) == 1


def test_a_job_is_cancelled_tried_again_and_removed(owner: FlaskClient, box: Box, upload: str) -> None:
    job = box.jobs.submit("render", {"avatar": "demo", "audio": {"upload": upload}}).id
    assert owner.delete(f"/api/v1/jobs/{job}").status_code == 400
    assert owner.post(f"/api/v1/jobs/{job}/cancel").json["state"] == "cancelled"  # type: ignore[index]
    assert owner.post(f"/api/v1/jobs/{job}/retry").json["state"] == "queued"  # type: ignore[index]
    box.jobs.finish(job, {"output": f"{job}.mp4"})
    for path in (outputs.video(box.volumes, job), outputs.poster(box.volumes, job)):
        path.write_bytes(b"content")
    assert owner.get(f"/api/v1/jobs/{job}").json["has_video"] is True  # type: ignore[index]
    assert owner.get(f"/api/v1/jobs/{job}/poster.jpg").mimetype == "image/jpeg"
    assert owner.get(f"/api/v1/jobs/{job}/preview.jpg").status_code == 404
    assert owner.delete(f"/api/v1/jobs/{job}").status_code == 204
    assert not outputs.video(box.volumes, job).exists()
    assert owner.get(f"/api/v1/jobs/{job}").status_code == 404


def test_jobs_are_listed_in_pages_by_state(owner: FlaskClient, box: Box, upload: str) -> None:
    made = [box.jobs.submit("render", {"avatar": "demo", "audio": {"upload": upload}}).id for _ in range(5)]
    box.jobs.cancel(made[1])

    def listed(query: str) -> list[str]:
        answer = owner.get(f"/api/v1/jobs?kind=render&{query}").json
        assert answer is not None
        return [job["id"] for job in answer["jobs"]]

    assert listed("limit=2") == [made[4], made[3]]
    assert listed(f"limit=2&before={made[3]}") == [made[2], made[1]]
    assert listed("state=cancelled") == [made[1]]
    assert owner.get("/api/v1/jobs?state=nonsense").status_code == 422
    assert owner.get("/api/v1/jobs?limit=0").status_code == 422


def test_a_download_is_named_by_its_title(owner: FlaskClient, box: Box, upload: str) -> None:
    job = box.jobs.submit("render", {"avatar": "demo", "audio": {"upload": upload}}, title="a/b 你好").id
    outputs.video(box.volumes, job).write_bytes(b"content")
    shown = owner.get(f"/api/v1/jobs/{job}/video.mp4?download=1").headers["Content-Disposition"]
    assert shown == "attachment; filename*=UTF-8''a_b%20%E4%BD%A0%E5%A5%BD.mp4"
