"""A worker process and its queue: every kind of job, cancelling, stopping, dying and going on."""

from __future__ import annotations

import resource
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.jobs import avatars, outputs
from appliance.jobs.job import State
from tests import sounds
from tests.integration.workers import Queue, Worker, assert_plays, until


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory, portrait: Path) -> Queue:
    """A queue with an avatar, and no worker yet."""
    queue = Queue(tmp_path_factory.mktemp("box"))
    job = queue.store.submit("enroll", {"name": "anna", "upload": queue.upload(portrait)})
    worker = Worker(queue.volumes)
    assert queue.done(job)["avatar"] == "anna"
    assert worker.end(signal.SIGTERM) == 0
    return queue


@pytest.fixture
def worker(queue: Queue) -> Iterator[Worker]:
    worker = Worker(queue.volumes)
    yield worker
    worker.end(signal.SIGKILL)
    for job in queue.store.list(states=[State.QUEUED, State.RUNNING]):
        queue.store.reclaim("nobody")
        queue.store.cancel(job.id)


@pytest.fixture(scope="module")
def voice(queue: Queue, speech: Path) -> str:
    return queue.upload(speech)


@pytest.fixture(scope="module")
def long_voice(queue: Queue, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Too much to be made before anybody can say stop."""
    path = tmp_path_factory.mktemp("sounds") / "long.wav"
    return queue.upload(sounds.write(path, np.tile(sounds.bursts(10, 8000), 90), 8000))


def fragments(queue: Queue, job: str) -> int:
    return len(list(outputs.work(queue.volumes, job).glob("*.fragment")))


def test_a_video_is_made_and_watched_on_the_way(queue: Queue, worker: Worker, voice: str) -> None:
    job = queue.render("anna", voice, title="Hello")
    result = queue.done(job)
    assert result["output"] == f"{job.id}.mp4"
    assert_plays(queue.volumes, job.id, result["frames"])
    until(lambda: worker.state(job).get("state") == "done", "the end is published")
    told = [value for name, value in worker.history if name == f"job:{job.id}"]
    assert {"render", "join"} <= {value["stage"] for value in told}
    assert [value["share"] for value in told] == sorted(value["share"] for value in told)
    assert {value["title"] for value in told} == {"Hello"}
    assert max(value["preview"] for value in told) >= 1
    until(lambda: not outputs.work(queue.volumes, job.id).exists(), "the work folder is taken away")
    assert not outputs.preview(queue.volumes, job.id).exists()


def test_the_worker_introduces_itself(queue: Queue, worker: Worker) -> None:
    until(lambda: {"worker", "telemetry", "options", "findings:worker"} <= worker.states.keys(), "all is published")
    assert worker.ready
    told = worker.states["worker"]
    assert (told["engine"], told["trouble"]) == ("onnxruntime", None)
    assert told["choices"]
    assert worker.states["options"]["seed"]["default"] == 0
    assert all(finding["check"] for finding in worker.states["findings:worker"]["findings"])
    until(lambda: avatars.get(queue.volumes, "demo").shipped, "the shipped avatar is known")


def test_an_upload_is_inspected_while_a_long_video_is_made(
    queue: Queue, worker: Worker, voice: str, long_voice: str
) -> None:
    long = queue.render("anna", long_voice)
    worker.until_frames(long, 1)
    result = queue.done(queue.store.submit("inspect", {"upload": voice}))
    assert (result["type"], len(result["waveform"])) == ("sound", 200)
    assert queue.get(long).state == State.RUNNING
    queue.store.cancel(long.id)
    assert queue.over(long).state == State.CANCELLED
    until(lambda: not outputs.work(queue.volumes, long.id).exists(), "what is left is taken away")
    assert not outputs.video(queue.volumes, long.id).exists()


@pytest.mark.usefixtures("worker")
def test_an_avatar_is_enrolled_used_moved_and_drawn(queue: Queue, voice: str, portrait: Path) -> None:
    picture = queue.upload(portrait)
    enrolled = queue.done(queue.store.submit("enroll", {"name": "bert", "upload": picture}))
    assert (enrolled["avatar"], enrolled["bytes_written"]["avatar"] > 100_000) == ("bert", True)
    again = queue.over(queue.store.submit("enroll", {"name": "bert", "upload": picture}))
    assert (again.state, "already" in (again.error or "")) == (State.FAILED, True)
    replaced = queue.done(queue.store.submit("enroll", {"name": "bert", "upload": picture, "replace": True}))
    assert (replaced["cache"]["hits"], replaced["bytes_written"]["cache"]) == (1, 0), "the face is known"
    queue.done(queue.render("bert", voice, options={"duration": 0.2}))
    queue.done(queue.render({"upload": picture}, voice, options={"duration": 0.2}))
    before = avatars.get(queue.volumes, "bert")
    assert before.points
    name, (x, y) = next(iter(before.points.items()))
    queue.done(queue.store.submit("adjust", {"avatar": "bert", "points": {name: [x + 1, y]}}))
    after = avatars.get(queue.volumes, "bert")
    assert after.checksum != before.checksum
    assert after.points
    assert after.points[name][0] == pytest.approx(x + 1, abs=0.1)
    sheet = queue.done(queue.store.submit("sheet", {"avatar": "bert"}))["file"]
    assert (queue.volumes.data / sheet).read_bytes()[:2] == b"\xff\xd8"
    assert avatars.get(queue.volumes, "bert").sheet == queue.volumes.data / sheet


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"avatar": "nobody"}, "nobody"),
        ({"audio": {"upload": "a" * 20}}, "no upload"),
        ({"options": {"seed": -1}}, "seed"),
        ({"options": {"sed": 1}}, "sed"),
    ],
)
def test_what_cannot_be_made_fails_with_words_for_people(
    queue: Queue, worker: Worker, voice: str, spec: dict[str, Any], words: str
) -> None:
    job = queue.store.submit("render", {"avatar": "anna", "audio": {"upload": voice}} | spec)
    failed = queue.over(job)
    assert failed.state == State.FAILED
    assert words in (failed.error or "")
    assert failed.hint
    assert not any("Traceback" in message for message in worker.messages)


def test_a_file_that_is_no_sound_is_named_as_its_owner_knows_it(queue: Queue, worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "holiday.wav").write_bytes(b"not a sound" * 100)
    failed = queue.over(queue.render("anna", queue.upload(tmp_path / "holiday.wav")))
    assert "holiday.wav" in (failed.error or "")
    assert str(queue.volumes.root) not in (failed.error or "")
    assert worker.process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGPWR])
def test_an_ordered_stop_keeps_what_is_rendered(queue: Queue, worker: Worker, long_voice: str, number: int) -> None:
    job = queue.render("anna", long_voice)
    worker.until_frames(job, 100)
    assert worker.end(number) == 0
    after = queue.get(job)
    assert (after.state, after.attempts, after.crashes) == (State.QUEUED, 0, 0)
    assert fragments(queue, job.id) > 0


def test_a_stop_does_not_wait_for_the_shipped_avatar_which_is_made_the_next_time(tmp_path: Path) -> None:
    queue = Queue(tmp_path / "box")
    packs = queue.volumes.packs
    worker = Worker(queue.volumes)
    try:
        until(lambda: any(packs.glob(".tmp-*")), "the avatar is begun")
        worker.process.send_signal(signal.SIGSTOP)
        assert not any(packs.glob("demo-*")), "it is finished already"
        worker.process.send_signal(signal.SIGTERM)
        assert worker.end(signal.SIGCONT) == 0
    finally:
        worker.end(signal.SIGKILL)
    assert not any(packs.glob("demo-*"))
    assert worker.messages == []
    again = Worker(queue.volumes)
    try:
        until(lambda: any(avatar.shipped for avatar in avatars.entries(queue.volumes)), "the shipped avatar is known")
    finally:
        assert again.end(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGPWR, signal.SIGKILL])
def test_at_most_two_seconds_of_video_are_made_twice(queue: Queue, worker: Worker, tmp_path: Path, number: int) -> None:
    voice = queue.upload(sounds.write(tmp_path / "a.wav", np.tile(sounds.bursts(10, 8000), 4), 8000))
    job = queue.render("anna", voice)
    worker.until_frames(job, 200)
    worker.end(number)
    made = worker.state(job)["done"]
    again = Worker(queue.volumes)
    try:
        result = queue.done(job)
    finally:
        again.end(signal.SIGKILL)
    assert result["frames"] == 1000
    assert result["resumed_frames"] >= made - 2 * result["fps"]
    assert_plays(queue.volumes, job.id, 1000)
    assert queue.get(job).crashes == (number == signal.SIGKILL)


def test_the_job_that_kills_the_worker_is_set_aside_and_the_next_is_made(
    queue: Queue, long_voice: str, voice: str
) -> None:
    deadly, next_one = queue.render("anna", long_voice), queue.render("anna", voice)
    for crash in range(3):
        worker = Worker(queue.volumes)
        until(lambda: queue.get(deadly).state == State.RUNNING, "it is being made")
        worker.until_frames(deadly, 1)
        worker.end(signal.SIGKILL)
        assert queue.get(deadly).crashes == crash
    worker = Worker(queue.volumes)
    try:
        queue.done(next_one)
    finally:
        worker.end(signal.SIGTERM)
    aside = queue.get(deadly)
    assert (aside.state, aside.crashes, queue.get(next_one).crashes) == (State.SET_ASIDE, 3, 0)
    assert "died 3 times" in (aside.error or "")
    assert outputs.work(queue.volumes, deadly.id).is_dir()
    assert any("set_aside" in message and "died" in message for message in worker.messages)
    assert worker.states[f"job:{deadly.id}"]["state"] == "set_aside"


def test_a_full_disk_makes_jobs_wait_until_there_is_room(tmp_path: Path, portrait: Path) -> None:
    """No file may grow beyond a limit, which the kernel enforces with an error like that of a full disk."""
    queue = Queue(tmp_path / "box")
    enrolled = queue.store.submit("enroll", {"name": "anna", "upload": queue.upload(portrait)})
    voice = queue.upload(sounds.write(tmp_path / "a.wav", np.tile(sounds.bursts(10, 8000), 3), 8000))
    worker = Worker(queue.volumes)
    try:
        queue.done(enrolled)
        before = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (150_000, before[1]))
        job = queue.render("anna", voice)
        until(lambda: queue.get(job).error, "it has to wait")
        waiting = queue.get(job)
        assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
        assert "space" in (waiting.hint or "")
        until(lambda: worker.states["worker"]["trouble"], "the worker says so")
        resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, before)
        queue.store.retry(job.id)
        result = queue.done(job)
        assert result["resumed_frames"] > 0
        assert_plays(queue.volumes, job.id, 750)
        until(lambda: worker.states["worker"]["trouble"] is None, "the worker says that it is over")
    finally:
        worker.end(signal.SIGKILL)


def test_small_jobs_for_one_avatar_are_claimed_together(queue: Queue, voice: str) -> None:
    jobs = [queue.render("anna", voice, options={"duration": 0.2, "seed": seed}) for seed in range(6)]
    worker = Worker(queue.volumes)
    try:
        for job in jobs:
            queue.done(job)
    finally:
        worker.end(signal.SIGTERM)
    waited = [name for name, value in worker.history if value.get("stage") == "waiting"]
    assert waited == [f"job:{jobs[number].id}" for number in (1, 2, 3, 5)]


def test_only_one_worker_runs_on_a_queue(queue: Queue, worker: Worker) -> None:
    until(lambda: worker.ready, "the first is up")
    second = Worker(queue.volumes)
    assert second.process.wait(60) == 3
    assert second.process.stderr is not None
    assert "another worker runs" in second.process.stderr.read()
    assert worker.process.poll() is None


def test_the_worker_beats_while_it_makes_a_video(queue: Queue, worker: Worker, long_voice: str) -> None:
    job = queue.render("anna", long_voice)
    worker.until_frames(job, 1)
    beats = worker.beats
    worker.until_frames(job, worker.state(job)["done"] + 300)
    until(lambda: worker.beats > beats, "it beats")


def test_a_job_made_again_comes_from_the_cache_also_after_a_restart(queue: Queue, voice: str) -> None:
    options = {"seed": 1_000_000, "duration": 1.0}
    worker = Worker(queue.volumes)
    try:
        first = queue.done(queue.render("anna", voice, options=options))
        until(lambda: worker.states.get("cache", {}).get("items"), "its statistics are published")
        again = queue.done(queue.render("anna", voice, options=options))
        assert worker.end(signal.SIGTERM) == 0
        worker = Worker(queue.volumes)
        third = queue.done(queue.render("anna", voice, options=options))
        until(lambda: worker.states["cache"]["kinds"]["fragment"]["hits"] >= 4, "they are published again")
    finally:
        worker.end(signal.SIGKILL)
    assert (first["cached_frames"], again["cached_frames"], third["cached_frames"]) == (0, 25, 25)
    assert first["bytes_written"]["cache"] > 0
    assert (again["bytes_written"]["cache"], third["cache"]["misses"]) == (0, 0)
    videos = {outputs.video(queue.volumes, result["output"][:-4]).read_bytes() for result in (first, again, third)}
    assert len(videos) == 1


@pytest.mark.usefixtures("worker")
def test_generation_options_reach_the_pipeline(queue: Queue, voice: str) -> None:
    result = queue.done(queue.render("anna", voice, options={"fps": 10.0, "duration": 1.0}))
    assert (result["fps"], result["frames"], min(result["width"], result["height"])) == (10.0, 10, 128)
