from __future__ import annotations

import json
from typing import Any

import pytest
from apiflask import APIFlask
from flask.testing import FlaskClient

from appliance.console.box import Box
from appliance.jobs import avatars


@pytest.fixture
def anna(box: Box) -> str:
    """A pack as far as the console reads it."""
    pack = box.volumes.avatars / "anna"
    pack.mkdir()
    files: dict[str, Any] = {name: {} for name in ("thumbnail.jpg", "preview.jpg", "mouth.json")}
    plain = {"kind": "portrait", "width": 640, "height": 480, "frames": 1, "fps": 25.0}
    (pack / "manifest.json").write_text(
        json.dumps({**plain, "created": "2026-01-01T00:00:00Z", "checksum": "c" * 64, "files": files})
    )
    (pack / "thumbnail.jpg").write_bytes(b"small")
    (pack / "preview.jpg").write_bytes(b"large")
    points = {"left": [1, 2], "right": [3, 4]}
    (pack / "mouth.json").write_text(json.dumps({"points": points, "detected": points}))
    return "anna"


def test_an_avatar_is_shown_with_its_pictures(owner: FlaskClient, box: Box, anna: str) -> None:
    listed = owner.get("/api/v1/avatars").json
    assert listed is not None
    assert [(one["name"], one["has_preview"], one["has_sheet"]) for one in listed["avatars"]] == [(anna, True, False)]
    assert owner.get(f"/api/v1/avatars/{anna}").json["points"] == {"left": [1, 2], "right": [3, 4]}  # type: ignore[index]
    assert owner.get(f"/api/v1/avatars/{anna}/thumbnail.jpg").data == b"small"
    assert owner.get(f"/api/v1/avatars/{anna}/preview.jpg").data == b"large"
    assert owner.get(f"/api/v1/avatars/{anna}/sheet.jpg").status_code == 404
    sheet = avatars.sheet_file(box.volumes, anna, "c" * 64)
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"sheet")
    assert owner.get(f"/api/v1/avatars/{anna}/sheet.jpg").data == b"sheet"
    assert owner.post(f"/api/v1/avatars/{anna}/sheet").json["spec"] == {"avatar": anna}  # type: ignore[index]


def test_an_upload_is_enrolled_by_a_job(owner: FlaskClient, box: Box) -> None:
    upload = owner.post("/api/v1/uploads?name=a.png", data=b"picture").json["id"]  # type: ignore[index]
    answer = owner.post("/api/v1/avatars", json={"name": "ben", "upload": upload, "face": 1})
    assert answer.status_code == 201
    assert answer.json is not None
    job = box.jobs.get(answer.json["id"])
    assert (job.kind, job.spec) == ("enroll", {"name": "ben", "upload": upload, "face": 1, "replace": False})
    assert owner.post("/api/v1/avatars", json={"name": "ben", "upload": "a" * 20}).status_code == 400
    assert owner.post("/api/v1/avatars", json={"name": "", "upload": upload}).status_code == 422


def test_points_are_moved_by_a_job(owner: FlaskClient, anna: str) -> None:
    def move(points: Any) -> int:
        return owner.post(f"/api/v1/avatars/{anna}/points", json={"points": points}).status_code

    assert move({"left": [5, 6.5]}) == 201
    for wrong in ({"nose": [1, 2]}, {"left": [1]}, {"left": "x"}, {"left": [1e9, 0]}):
        assert move(wrong) == 400
    assert move([]) == 422


def test_an_avatar_is_removed(owner: FlaskClient, box: Box, anna: str) -> None:
    assert owner.delete(f"/api/v1/avatars/{anna}").status_code == 204
    assert not (box.volumes.avatars / anna).exists()
    assert owner.delete(f"/api/v1/avatars/{anna}").status_code == 404


@pytest.mark.usefixtures("owner")
def test_the_kiosk_sees_only_its_own_avatar(app: APIFlask, box: Box, anna: str) -> None:
    client = app.test_client()
    assert client.get(f"/api/v1/avatars/{anna}/preview.jpg").status_code == 404
    box.configure(lambda config: config.update(settings={"kiosk_avatar": anna}))
    assert client.get(f"/api/v1/avatars/{anna}/preview.jpg").data == b"large"
