"""A lane with a real queue and makers of the test's own: how each attempt ends, and stops."""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import CancelledError, InputError, UnhealthyError
from appliance.jobs.attempt import Attempt
from appliance.jobs.job import HEAVY, Job, State
from appliance.jobs.lane import Lane, Make
from appliance.jobs.store import JobStore

SPEC: dict[str, Any] = {"avatar": "anna", "audio": {"upload": "a" * 20}}
DEADLINE_S = 20.0
Start = Callable[..., Lane]


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


@pytest.fixture
def told() -> list[tuple[str, dict[str, Any]]]:
    return []


@pytest.fixture
def start(store: JobStore, told: list[tuple[str, dict[str, Any]]]) -> Iterator[Start]:
    """Starts a lane with a maker; it is stopped when the test ends."""
    lanes: list[Lane] = []

    def begin(make: Make, **more: Any) -> Lane:
        lane = Lane(HEAVY, store, "w", make, lambda name, value: told.append((name, value)), **more)
        lanes.append(lane)
        lane.start()
        return lane

    yield begin
    for lane in lanes:
        lane.stop()
        assert lane.join(DEADLINE_S)


def wait_for(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def over(store: JobStore, job: Job) -> Job:
    wait_for(lambda: store.get(job.id).finished is not None)
    return store.get(job.id)


def raising(error: BaseException) -> Make:
    def make(_: Attempt) -> dict[str, Any]:
        raise error

    return make


class Endless:
    """A maker that works until it is stopped."""

    def __init__(self) -> None:
        self.begun: list[str] = []

    def __call__(self, attempt: Attempt) -> dict[str, Any]:
        stopped = threading.Event()
        attempt.stops_by(stopped.set)
        self.begun.append(attempt.job.id)
        stopped.wait(DEADLINE_S)
        raise CancelledError


def test_what_is_made_is_done(store: JobStore, start: Start, told: list[tuple[str, dict[str, Any]]]) -> None:
    jobs = [store.submit("render", SPEC) for _ in range(3)]
    start(lambda attempt: {"made": attempt.job.id})
    assert [over(store, job).result for job in jobs] == [{"made": job.id} for job in jobs]
    wait_for(lambda: len(told) == 3)
    assert [(name, value["state"]) for name, value in told] == [(f"job:{job.id}", "done") for job in jobs]


def test_a_users_mistake_fails_with_its_words(store: JobStore, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    job = store.submit("render", SPEC)
    with caplog.at_level(logging.INFO):
        start(raising(InputError("no face in it", hint="use another picture")))
        failed = over(store, job)
    assert (failed.state, failed.error, failed.hint) == (State.FAILED, "no face in it", "use another picture")
    assert "Traceback" not in caplog.text


def test_a_bug_fails_the_job_and_is_traced(store: JobStore, start: Start, caplog: pytest.LogCaptureFixture) -> None:
    job = store.submit("render", SPEC)
    start(raising(ZeroDivisionError("division")))
    failed = over(store, job)
    assert (failed.state, failed.error) == (State.FAILED, "this is a bug in mouthpiece (ZeroDivisionError)")
    assert "Traceback" in caplog.text


def caused(error: Exception, cause: BaseException) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        UnhealthyError("cannot: disk full", hint="make room"),
        OSError(errno.ENOSPC, "cannot: disk full"),
        MemoryError("cannot: out of memory"),
        caused(InputError("cannot write"), OSError(errno.EROFS, "read-only")),
    ],
)
def test_a_box_that_cannot_makes_the_job_wait_and_says_so(
    store: JobStore, start: Start, told: list[tuple[str, dict[str, Any]]], error: Exception
) -> None:
    job = store.submit("render", SPEC)
    lane = start(raising(error), pause_s=3600)
    wait_for(lambda: store.get(job.id).error)
    waiting = store.get(job.id)
    assert (waiting.state, waiting.attempts) == (State.QUEUED, 0)
    assert "cannot" in (waiting.error or "")
    assert "cannot" in (lane.trouble or "")
    wait_for(lambda: told)
    assert told[-1][1]["state"] == "queued"
    assert "cannot" in told[-1][1]["error"]


def test_it_goes_on_when_the_box_can_again(store: JobStore, start: Start) -> None:
    room = threading.Event()

    def make(_: Attempt) -> dict[str, Any]:
        if not room.is_set():
            raise UnhealthyError("disk full")
        return {}

    job = store.submit("render", SPEC)
    lane = start(make, pause_s=0.01)
    wait_for(lambda: lane.trouble)
    room.set()
    deadline = time.monotonic() + DEADLINE_S
    while store.get(job.id).state != State.DONE and time.monotonic() < deadline:
        lane.look()
        time.sleep(0.01)
    assert store.get(job.id).state == State.DONE
    assert lane.trouble is None


def test_a_cancelled_job_is_stopped_and_its_remains_are_taken_away(store: JobStore, start: Start) -> None:
    discarded: list[str] = []
    job = store.submit("render", SPEC)
    endless = Endless()
    lane = start(endless, discard=lambda job: discarded.append(job.id))
    wait_for(lambda: endless.begun)
    store.cancel(job.id)
    lane.look()
    assert over(store, job).state == State.CANCELLED
    wait_for(lambda: discarded == [job.id])


def test_a_job_of_a_batch_can_be_cancelled_before_its_turn(store: JobStore, start: Start) -> None:
    first, second, third = (store.submit("render", SPEC) for _ in range(3))
    endless = Endless()
    lane = start(endless, batch=3, joins=lambda _: True)
    wait_for(lambda: endless.begun)
    assert sorted(lane.held()) == sorted([first.id, second.id, third.id])
    store.cancel(second.id)
    store.cancel(first.id)
    lane.look()
    assert over(store, second).state == State.CANCELLED
    wait_for(lambda: endless.begun[-1] == third.id)


def test_a_stop_puts_everything_back_uncounted(store: JobStore, start: Start) -> None:
    jobs = [store.submit("render", SPEC) for _ in range(3)]
    endless = Endless()
    discarded: list[str] = []
    lane = start(endless, batch=2, joins=lambda _: True, discard=lambda job: discarded.append(job.id))
    wait_for(lambda: endless.begun)
    lane.stop()
    assert lane.join(DEADLINE_S)
    after = [store.get(job.id) for job in jobs]
    assert [(job.state, job.attempts, job.crashes) for job in after] == [(State.QUEUED, 0, 0)] * 3
    assert discarded == []
    assert lane.held() == []


def test_a_maker_that_calls_itself_off_is_a_bug_and_no_endless_loop(store: JobStore, start: Start) -> None:
    job = store.submit("render", SPEC)
    start(raising(CancelledError()))
    assert "bug" in (over(store, job).error or "")


def test_hooks_that_fail_do_not_end_the_lane(store: JobStore, start: Start) -> None:
    idled = threading.Event()

    def begin() -> None:
        raise UnhealthyError("no model")

    def idle() -> None:
        idled.set()
        raise ZeroDivisionError

    lane = start(lambda _: {}, begin=begin, idle=idle)
    assert idled.wait(DEADLINE_S)
    job = store.submit("render", SPEC)
    lane.look()
    assert over(store, job).state == State.DONE


class Refusing(JobStore):
    """Its state volume is full, as long as the test says."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = threading.Event()
        self.refused = threading.Event()

    def finish(self, job: str, result: Any) -> Job:
        if self.full.is_set():
            self.refused.set()
            raise UnhealthyError("the job database cannot be used: database or disk is full")
        return super().finish(job, result)


def test_what_is_made_is_not_lost_while_the_database_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("appliance.jobs.lane._IDLE_S", 0.05)
    store = Refusing(tmp_path / "jobs.sqlite")
    store.full.set()
    job = store.submit("render", SPEC)
    made: list[str] = []

    def make(attempt: Attempt) -> dict[str, Any]:
        made.append(attempt.job.id)
        return {}

    lane = Lane(HEAVY, store, "w", make, lambda *_: None)
    lane.start()
    assert store.refused.wait(DEADLINE_S)
    wait_for(lambda: "full" in (lane.trouble or ""))
    store.full.clear()
    assert over(store, job).state == State.DONE
    lane.stop()
    assert lane.join(DEADLINE_S)
    assert made == [job.id]
