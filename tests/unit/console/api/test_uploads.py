from __future__ import annotations

import io

import pytest
from flask.testing import FlaskClient

from appliance.console.box import Box


def test_a_body_becomes_an_upload_that_is_looked_at(owner: FlaskClient, box: Box) -> None:
    answer = owner.post("/api/v1/uploads?name=../Grüße.wav", data=b"sound", content_type="audio/wav")
    assert answer.status_code == 201
    assert answer.json is not None
    assert (answer.json["name"], answer.json["size"]) == ("Grüße.wav", 5)
    assert (box.volumes.uploads / answer.json["id"] / "content").read_bytes() == b"sound"
    job = box.jobs.get(answer.json["inspect"])
    assert (job.kind, job.spec) == ("inspect", {"upload": answer.json["id"]})
    again = owner.get(f"/api/v1/uploads/{answer.json['id']}")
    assert again.json == answer.json


def test_a_form_brings_the_same(owner: FlaskClient, box: Box) -> None:
    content = bytes(3_000_000)
    answer = owner.post("/api/v1/uploads", data={"file": (io.BytesIO(content), "big.mp4"), "other": "field"})
    assert answer.status_code == 201
    assert answer.json is not None
    assert (box.volumes.uploads / answer.json["id"] / "content").stat().st_size == len(content)


@pytest.mark.parametrize("data", [{}, {"file": "text"}, {"file": (io.BytesIO(b""), "empty.wav")}])
def test_a_form_without_a_file_keeps_nothing(owner: FlaskClient, box: Box, data: dict[str, object]) -> None:
    answer = owner.post("/api/v1/uploads", data=data, content_type="multipart/form-data")
    assert answer.status_code == 400
    assert list(box.volumes.uploads.iterdir()) == []


def test_an_empty_body_and_one_too_large_keep_nothing(owner: FlaskClient, box: Box) -> None:
    owner.patch("/api/v1/settings", json={"upload_max_mb": 1})
    assert owner.post("/api/v1/uploads?name=a").status_code == 400
    assert owner.post("/api/v1/uploads?name=a", data=bytes(1_000_001)).status_code == 400
    assert list(box.volumes.uploads.iterdir()) == []


def test_an_unknown_upload_is_404(owner: FlaskClient) -> None:
    assert owner.get("/api/v1/uploads/" + "a" * 20).status_code == 404
