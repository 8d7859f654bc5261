"""A script uses the whole box through the API: hands in a recording, follows the job, fetches the video."""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from typing import Any

import av
import pytest

from tests import sounds
from tests.integration.console_server import Client, Console, Stream, say, set_up_box
from tests.running_box import wait_for


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with set_up_box(tmp_path_factory.mktemp("box")) as started:
        yield started


@pytest.fixture(scope="module")
def script(box: Console) -> Client:
    token = box.client().log_in().post("/api/v1/tokens", {"name": "test"}).json["token"]
    return Client(box.port, bearer=token)


@pytest.fixture(scope="module")
def upload(script: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    sound = sounds.speech(tmp_path_factory.mktemp("sounds") / "speech.wav")
    answer = script.ask("POST", "/api/v1/uploads?name=speech.wav", body=sound.read_bytes())
    assert answer.status == 201
    found: dict[str, Any] = answer.json
    return found


def over(script: Client, job: str) -> Any:
    """The job once it is over."""
    return wait_for(lambda: (found := script.get(f"/api/v1/jobs/{job}").json)["finished"] and found, seconds=120)


def test_an_upload_is_looked_at_by_itself(script: Client, upload: dict[str, Any]) -> None:
    looked = over(script, upload["inspect"])
    assert (looked["state"], looked["result"]["type"]) == ("done", "sound"), looked
    assert 1 < looked["result"]["seconds"] < 5
    assert len(looked["result"]["waveform"]) == 200


def test_a_job_is_followed_to_its_video(script: Client, upload: dict[str, Any]) -> None:
    wanted = {"avatar": "demo", "audio": {"upload": upload["id"]}, "options": {"min_resolution": 128}, "title": "Hello"}
    with Stream(script, "/api/v1/events") as stream:
        job = script.post("/api/v1/jobs", wanted).json["id"]
        states = []
        for _, event in stream.events():
            if event["name"] == f"job:{job}":
                states.append(event["value"]["state"])
                if states[-1] not in ("queued", "running"):
                    break
    assert "running" in states
    assert states[-1] == "done", script.get(f"/api/v1/jobs/{job}").json
    done = script.get(f"/api/v1/jobs/{job}").json
    assert (done["state"], done["has_video"]) == ("done", True)
    video = script.get(f"/api/v1/jobs/{job}/video.mp4")
    with av.open(io.BytesIO(video.body), "r") as container:
        frames = sum(1 for _ in container.decode(video=0))
    assert frames / done["result"]["fps"] == pytest.approx(done["result"]["seconds"], abs=0.1)
    assert script.get(f"/api/v1/jobs/{job}/poster.jpg").body[:2] == b"\xff\xd8"
    metrics = script.get("/metrics").text
    for line in (
        "mouthpiece_up 1.0",
        'mouthpiece_last_render_stage_seconds{stage="paint"}',
        'ready{process="worker"} 1',
    ):
        assert line in metrics


def test_what_cannot_be_decoded_is_refused_by_the_worker_alone(box: Console, script: Client) -> None:
    bad = script.ask("POST", "/api/v1/uploads?name=bad.wav", body=os.urandom(10_000)).json
    looked = over(script, bad["inspect"])
    assert looked["state"] == "failed"
    assert looked["error"]
    assert script.get("/api/v1/status").json["running"]
    assert box.process.poll() is None


def test_health_settings_and_processes_are_reached(script: Client) -> None:
    assert {finding["check"] for finding in script.ask("POST", "/api/v1/health/check").json["findings"]} >= {"clock"}
    assert script.ask("POST", "/api/v1/health/fix/nonsense").status == 400
    assert script.ask("PATCH", "/api/v1/settings", json={"silence_stop_s": 2}).status == 200
    assert script.post("/api/v1/restart", {"child": "nobody"}).status == 400
    before = {child["name"]: child for child in script.get("/api/v1/status").json["box"]["children"]}
    assert script.post("/api/v1/restart", {"child": "worker"}).status == 202

    def restarted() -> bool:
        children = {child["name"]: child for child in script.get("/api/v1/status").json["box"]["children"]}
        return (
            children["worker"]["pid"] not in (None, before["worker"]["pid"]) and children["worker"]["state"] == "ready"
        )

    wait_for(restarted, seconds=60)


def test_a_killed_console_comes_back_and_no_record_is_lost(box: Console, script: Client) -> None:
    path = "/api/v1/logs/stream?part=test"
    say(box, "before")
    with Stream(script, path) as stream:
        stream.until("before")
        os.kill(box.pid, signal.SIGKILL)
        say(box, "while it is gone")
        with pytest.raises((OSError, AssertionError)):
            stream.until("never said")
        last = stream.last

    def back() -> bool:
        try:
            return script.get("/healthz").status == 200
        except OSError:
            return False

    wait_for(back, seconds=60)
    say(box, "after")
    with Stream(script, path, after=last) as stream:
        heard = [event["message"] for _, event in stream.until("after")]
    assert heard == ["while it is gone", "after"]
    assert script.get("/api/v1/jobs").status == 200
    kept = wait_for(lambda: _messages(script, "after"), seconds=20)
    assert kept[-3:] == ["before", "while it is gone", "after"]


def _messages(script: Client, last: str) -> list[str]:
    """What is kept on flash, once that is there."""
    found = [record["message"] for record in script.get("/api/v1/logs?part=test").json["records"]]
    return found if found and found[-1] == last else []


def test_a_recording_without_a_microphone_says_so(script: Client) -> None:
    devices = script.get("/api/v1/microphones").json["devices"]
    if any(device["present"] for device in devices):
        pytest.skip("this machine has a microphone")
    begun = script.post("/api/v1/recordings", {})
    if begun.status == 201:
        with Stream(script, "/api/v1/events") as stream:
            for _, event in stream.events():
                if event["name"] == "recording" and event["value"]["state"] == "failed":
                    assert event["value"]["message"]
                    return
    assert begun.status in (400, 503)
