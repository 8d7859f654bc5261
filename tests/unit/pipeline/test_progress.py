"""What a job says about how long it will take, and how it is called off."""

from __future__ import annotations

import pytest

from appliance.errors import CancelledError
from appliance.pipeline.progress import Job, Progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test sets."""
    now = [50.0]
    monkeypatch.setattr("appliance.pipeline.progress.time.monotonic", lambda: now[0])
    return now


def test_the_time_left_follows_from_the_work_done(clock: list[float]) -> None:
    seen: list[Progress] = []
    job = Job(seen.append)
    job.step("render", 0, 100)
    clock[0] += 10
    job.step("render", 25, 100)
    assert [one.eta_s for one in seen] == [None, 30]


def test_what_an_earlier_attempt_left_makes_no_promise(clock: list[float]) -> None:
    seen: list[Progress] = []
    job = Job(seen.append)
    job.step("render", 40, 100, given=40)
    clock[0] += 1
    job.step("render", 80, 100, given=80)
    clock[0] += 1
    job.step("render", 90, 100, given=80)
    assert [one.eta_s for one in seen] == [None, None, 2]
    assert [one.done for one in seen] == [40, 80, 90]


def test_stages_are_timed_apart(clock: list[float]) -> None:
    seen: list[Progress] = []
    job = Job(seen.append)
    job.step("decode", 0, 1)
    clock[0] += 100
    job.step("render", 0, 10)
    clock[0] += 1
    job.step("render", 5, 10)
    assert seen[-1].eta_s == 1


def test_a_part_stops_with_the_whole_but_not_the_whole_with_a_part() -> None:
    job = Job()
    one, other = job.part(), job.part()
    one.cancel()
    with pytest.raises(CancelledError):
        one.step("render", 1, 2)
    other.step("render", 1, 2)
    job.cancel()
    with pytest.raises(CancelledError):
        other.check()
