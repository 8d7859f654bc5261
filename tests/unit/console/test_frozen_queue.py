"""The console on a state volume that became read-only: the real thing is in tests/board/test_flash_faults.py."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from appliance.console.box import Box
from appliance.jobs import outputs


def test_videos_are_still_shown_and_new_ones_refused_with_simulated_read_only_volume(
    owner: FlaskClient, box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = box.jobs.submit("render", {"avatar": "demo", "audio": {"upload": "a" * 20}})
    box.jobs.finish(job.id, {"output": f"{job.id}.mp4"})
    video = outputs.video(box.volumes, job.id)
    video.parent.mkdir(parents=True, exist_ok=True)
    video.write_bytes(b"moving pictures")
    monkeypatch.setattr("appliance.jobs.frozen.is_frozen", lambda _: True)

    for page in ("/", "/jobs", "/new", f"/jobs/{job.id}", "/system", "/metrics", "/healthz"):
        assert owner.get(page).status_code == 200, page
    assert owner.get(f"/api/v1/jobs/{job.id}/video.mp4").data == b"moving pictures"
    for refused in (
        owner.post(f"/api/v1/jobs/{job.id}/retry"),
        owner.delete(f"/api/v1/jobs/{job.id}"),
    ):
        assert refused.status_code == 503
        assert refused.json is not None
        assert "its volume has become read-only" in refused.json["message"]
    assert video.exists()
