"""`mouthpiece jobs`, as people and scripts use it, with and without a running box."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from appliance.jobs import outputs
from appliance.jobs.job import State
from tests.integration.box import COMMAND, Box, assert_refused
from tests.integration.workers import DEADLINE_S, Queue, Worker, assert_plays, until

SMALL = ("--min-resolution", "128", "--expand-ratio", "0")


@pytest.fixture
def quiet(tmp_path: Path) -> Box:
    """A box of its own, that does not run."""
    return Box(tmp_path)


def submit(box: Box, portrait: Path, speech: Path, *more: str) -> str:
    done = box.run("jobs", "submit", "--avatar", portrait, "--audio", speech, *SMALL, "--json", *more)
    assert (done.returncode, done.stderr) == (0, "")
    return str(json.loads(done.stdout)["id"])


def test_the_life_of_a_job_without_a_running_box(quiet: Box, portrait: Path, speech: Path) -> None:
    job = submit(quiet, portrait, speech, "--title", "Grüße", "--priority", "3", "--seed", "7")
    shown = json.loads(quiet.run("jobs", "show", job, "--json").stdout)
    assert (shown["state"], shown["title"], shown["priority"], shown["video"]) == ("queued", "Grüße", 3, None)
    assert shown["spec"]["options"] == {"min_resolution": 128, "expand_ratio": 0.0, "seed": 7}
    assert [entry["id"] for entry in json.loads(quiet.run("jobs", "list", "--json").stdout)] == [job]
    assert "Grüße" in quiet.run("jobs", "list", "--state", "queued").stdout
    assert quiet.run("jobs", "list", "--state", "done").stdout == ""
    assert "cancelled" in quiet.run("jobs", "cancel", job).stdout
    assert "queued" in quiet.run("jobs", "retry", job).stdout


def test_the_same_key_is_the_same_job_and_no_second_upload(quiet: Box, portrait: Path, speech: Path) -> None:
    first = submit(quiet, portrait, speech, "--key", "k")
    uploads = len(list(Queue(quiet.root).volumes.uploads.iterdir()))
    assert submit(quiet, portrait, speech, "--key", "k") == first
    assert len(list(Queue(quiet.root).volumes.uploads.iterdir())) == uploads


def test_mistakes_are_told_in_words(quiet: Box, portrait: Path, speech: Path, tmp_path: Path) -> None:
    ask = ("jobs", "submit", "--avatar")
    assert_refused(quiet.run(*ask, "nobody", "--audio", speech), "nobody", "demo")
    assert_refused(quiet.run(*ask, portrait, "--audio", tmp_path / "no.wav"), "no.wav")
    assert_refused(quiet.run(*ask, portrait, "--audio", tmp_path), tmp_path)
    assert_refused(quiet.run(*ask, portrait, "--audio", speech, "--fps", "1000"), "fps")
    assert_refused(quiet.run(*ask, portrait, "--audio", speech, "--priority", "1000"), "priority")
    assert_refused(quiet.run("jobs", "show", "nothing"), "nothing")
    assert_refused(quiet.run("jobs", "list", "--state", "asleep"), "asleep")
    job = submit(quiet, portrait, speech)
    quiet.run("jobs", "cancel", job)
    assert_refused(quiet.run("jobs", "cancel", "a" * 20), "a" * 20)


def test_who_waits_is_told_that_the_box_does_not_run_and_gets_the_video(
    quiet: Box, portrait: Path, speech: Path
) -> None:
    """The supervisor is not there, only a worker: the queue alone is enough."""
    command = [COMMAND, "jobs", "submit", "--avatar", str(portrait), "--audio", str(speech), *SMALL, "--wait"]
    waiting = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=quiet.environment
    )
    queue = Queue(quiet.root)
    worker = None
    try:
        assert waiting.stderr is not None
        assert "the box is not running" in waiting.stderr.readline()
        worker = Worker(queue.volumes)
        said, complaints = waiting.communicate(timeout=DEADLINE_S)
    finally:
        waiting.kill()
        if worker:
            worker.end(signal.SIGTERM)
    assert (waiting.returncode, complaints) == (0, "")
    (job,) = queue.store.list(kind="render")
    assert str(outputs.video(queue.volumes, job.id)) in said
    assert_plays(queue.volumes, job.id, (job.result or {})["frames"])


def test_waiting_for_a_job_that_fails_is_a_failure(quiet: Box, portrait: Path, tmp_path: Path) -> None:
    (tmp_path / "holiday.wav").write_bytes(b"no sound" * 100)
    queue = Queue(quiet.root)
    worker = Worker(queue.volumes)
    try:
        done = quiet.run(
            "jobs", "submit", "--avatar", portrait, "--audio", tmp_path / "holiday.wav", "--wait", "--json"
        )
    finally:
        worker.end(signal.SIGTERM)
    assert done.returncode == 1
    assert json.loads(done.stdout)["state"] == "failed"
    assert "holiday.wav" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_running_job_is_cancelled_from_the_command_line(quiet: Box, portrait: Path, speech: Path) -> None:
    queue = Queue(quiet.root)
    job = submit(quiet, portrait, speech, "--duration", "3000")
    worker = Worker(queue.volumes)
    try:
        until(lambda: worker.states.get(f"job:{job}", {}).get("stage") == "render", "it is being made")
        assert "being cancelled" in quiet.run("jobs", "cancel", job).stdout
        until(lambda: queue.store.get(job).state == State.CANCELLED, "it is cancelled")
    finally:
        worker.end(signal.SIGTERM)
