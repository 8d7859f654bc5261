"""What an attempt tells, and how it is stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.jobs.attempt import Attempt
from appliance.jobs.job import State
from appliance.jobs.store import JobStore

Told = list[tuple[str, dict[str, Any]]]


@pytest.fixture
def told() -> Told:
    return []


@pytest.fixture
def attempt(tmp_path: Path, told: Told) -> Attempt:
    job = JobStore(tmp_path / "j").submit("render", {"avatar": "a", "audio": {"upload": "a" * 20}}, title="Hallo")
    return Attempt(job, lambda name, value: told.append((name, value)))


def test_progress_is_told_a_few_times_a_second_and_every_stage_at_once(
    attempt: Attempt, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    for done in range(1, 101):
        attempt.report("render", done, 100, 1.0)
        now[0] += 0.01
    attempt.report("join", 1, 100, None)
    assert {name for name, _ in told} == {f"job:{attempt.job.id}"}
    assert [value["stage"] for _, value in told] == ["render"] * 4 + ["join"]
    assert told[0][1] | {"done": 1, "total": 100, "eta_s": 1.0, "title": "Hallo", "state": "running"} == told[0][1]


def test_the_share_of_the_whole_only_grows(attempt: Attempt, told: Told) -> None:
    for stage, done in (("decode", 1), ("render", 50), ("decode", 1), ("render", 100), ("join", 100)):
        attempt.report(stage, done, 100, None)
    shares = [value["share"] for _, value in told]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1


def test_a_total_of_nothing_is_no_division_by_it(attempt: Attempt, told: Told) -> None:
    attempt.report("render", 0, 0, None)
    assert told[0][1]["share"] == 0


def test_what_is_over_has_no_stage(attempt: Attempt) -> None:
    attempt.report("render", 50, 100, 2.0)
    attempt.previewed()
    attempt.job = replace(attempt.job, state=State.FAILED, error="e" * 10_000, hint="h")
    value = attempt.value("failed")
    assert (value["stage"], value["eta_s"], value["preview"], value["hint"]) == ("", None, 1, "h")
    assert len(value["error"]) < 1000
    assert attempt.value("done")["share"] == 1


@pytest.mark.parametrize("early", [True, False])
def test_stopping_reaches_the_work_whenever_it_is_asked_for(attempt: Attempt, early: bool) -> None:
    stopped: list[str] = []
    if early:
        attempt.interrupt()
    attempt.stops_by(lambda: stopped.append("stop"))
    if not early:
        attempt.interrupt()
    assert stopped == ["stop"]
    assert not attempt.cancelled
    attempt.cancel()
    assert attempt.cancelled
