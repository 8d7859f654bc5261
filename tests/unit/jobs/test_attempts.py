"""The queue as the worker uses it: order, batches, leases, and deaths."""

from __future__ import annotations

import contextlib
import itertools
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.jobs.attempts import MAX_CRASHES
from appliance.jobs.job import LIGHT, OVER, Job, State
from appliance.jobs.store import JobStore

U = "a" * 20
SPEC: dict[str, Any] = {"avatar": "anna", "audio": {"upload": U}}


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite", boot="this boot")


def ids(jobs: list[Job]) -> list[str]:
    return [job.id for job in jobs]


def test_the_more_urgent_goes_first_then_the_older(store: JobStore) -> None:
    order = [store.submit("render", SPEC, priority=priority).id for priority in (0, 5, 0, 5, -1)]
    claims = [store.claim("w", 60)[0].id for _ in order]
    assert claims == [order[1], order[3], order[0], order[2], order[4]]
    assert store.claim("w", 60) == []


def test_a_claim_is_a_lease_and_an_attempt(store: JobStore) -> None:
    store.submit("render", SPEC)
    (job,) = store.claim("w", 60)
    assert (job.state, job.worker, job.attempts) == (State.RUNNING, "w", 1)
    assert job.started is not None
    assert job.lease_until == pytest.approx(job.started + 60)
    store.renew([job.id], 1000)
    assert (store.get(job.id).lease_until or 0) > job.started + 900


def test_lanes_do_not_wait_for_each_other(store: JobStore) -> None:
    heavy, light = store.submit("render", SPEC), store.submit("inspect", {"upload": U})
    assert ids(store.claim("w", 60, lane=LIGHT)) == [light.id]
    assert ids(store.claim("w", 60)) == [heavy.id]


def test_two_workers_never_get_the_same_job(store: JobStore, tmp_path: Path) -> None:
    for _ in range(10):
        store.submit("render", SPEC)
    other = JobStore(tmp_path / "jobs.sqlite")
    taken = [job.id for _ in range(5) for one, name in ((store, "v"), (other, "w")) for job in one.claim(name, 60)]
    assert len(taken) == len(set(taken)) == 10


def test_small_jobs_for_the_same_avatar_share_a_batch(store: JobStore) -> None:
    small = [store.submit("render", SPEC | {"options": {"seed": number}}) for number in range(3)]
    other = store.submit("render", SPEC | {"avatar": "bert"})
    urgent = store.submit("render", SPEC, priority=-1)
    large = store.submit("render", SPEC | {"options": {"seed": 9}})
    fourth = store.submit("render", SPEC | {"options": {"seed": 4}})
    fifth = store.submit("render", SPEC | {"options": {"seed": 5}})
    batch = store.claim("w", 60, 4, joins=lambda job: job.id != large.id)
    assert ids(batch) == [small[0].id, small[1].id, small[2].id, fourth.id]
    for job in batch:
        store.finish(job.id, {})
    rest = [ids(store.claim(f"w{number}", 60, 4, joins=lambda job: job.id != large.id)) for number in range(4)]
    assert rest == [[other.id], [large.id], [fifth.id], [urgent.id]]


def test_finishing_again_changes_nothing(store: JobStore) -> None:
    store.submit("render", SPEC)
    (job,) = store.claim("w", 60)
    done = store.finish(job.id, {"output": "x.mp4"})
    assert (done.state, done.result, done.worker, done.lease_until) == (State.DONE, {"output": "x.mp4"}, None, None)
    assert store.finish(job.id, {"output": "y.mp4"}) == done
    assert store.fail(job.id, "no") == done
    assert store.release(job.id) == done


def test_an_ordered_stop_does_not_count(store: JobStore) -> None:
    job = store.submit("render", SPEC)
    for _ in range(2 * MAX_CRASHES):
        (claimed,) = store.claim("w", 60)
        assert claimed.attempts == 1
        store.release(job.id)
    after = store.get(job.id)
    assert (after.state, after.attempts, after.crashes, after.worker) == (State.QUEUED, 0, 0, None)


def test_the_job_that_kills_the_worker_three_times_is_set_aside(store: JobStore) -> None:
    job = store.submit("render", SPEC)
    for crash in range(1, MAX_CRASHES + 1):
        store.claim(f"w{crash}", 60)
        (after,) = store.reclaim(f"w{crash + 1}")
        assert after.crashes == crash
    assert (after.id, after.state) == (job.id, State.SET_ASIDE)
    assert after.state in OVER
    assert "died 3 times" in (after.error or "")
    assert after.hint
    assert store.claim("w", 60) == []
    again = store.retry(job.id)
    assert (again.state, again.crashes) == (State.QUEUED, 0)


def test_power_cuts_are_not_the_jobs_fault(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    job = JobStore(path).submit("render", SPEC)
    for boot in range(2 * MAX_CRASHES):
        JobStore(path, boot=f"boot {boot}").claim(f"w{boot}", 60)
        (after,) = JobStore(path, boot=f"boot {boot + 1}").reclaim("next")
        assert (after.id, after.state, after.crashes, after.attempts) == (job.id, State.QUEUED, 0, boot + 1)


def test_of_a_batch_only_the_one_being_made_is_blamed(store: JobStore) -> None:
    for _ in range(4):
        store.submit("render", SPEC)
    batch = store.claim("w", 60, 4, joins=lambda _: True)
    store.finish(batch[0].id, {})
    after = {job.id: job.crashes for job in store.reclaim("next")}
    assert after == {batch[1].id: 1, batch[2].id: 0, batch[3].id: 0}


class _DiedError(Exception):
    """The worker is gone, in the midst of whatever it did."""


def test_a_file_that_kills_whoever_opens_it_is_set_aside_and_takes_nobody_along(store: JobStore) -> None:
    before, deadly, after = (store.submit("render", SPEC | {"options": {"seed": number}}) for number in range(3))

    def opens(job: Job) -> bool:
        if job.id == deadly.id:
            raise _DiedError
        return True

    for worker in range(MAX_CRASHES + 3):
        with contextlib.suppress(_DiedError):
            for job in store.claim(f"w{worker}", 60, 4, joins=opens):
                opens(job)
                store.finish(job.id, {})
        store.reclaim("next")
    assert [store.get(job.id).state for job in (before, deadly, after)] == [State.DONE, State.SET_ASIDE, State.DONE]


def test_each_lane_has_its_own_culprit(store: JobStore) -> None:
    store.submit("render", SPEC)
    store.submit("inspect", {"upload": U})
    store.claim("w", 60)
    store.claim("w", 60, lane=LIGHT)
    assert [job.crashes for job in store.reclaim("next")] == [1, 1]


def test_what_was_to_be_cancelled_is_cancelled_when_its_worker_died(store: JobStore) -> None:
    store.submit("render", SPEC)
    (job,) = store.claim("w", 60)
    store.cancel(job.id)
    assert [one.state for one in store.reclaim("next")] == [State.CANCELLED]


def test_nobody_reclaims_what_is_ones_own(store: JobStore) -> None:
    store.submit("render", SPEC)
    (job,) = store.claim("w", 60)
    assert store.reclaim("w") == []
    assert store.get(job.id) == job


def test_only_leases_that_ran_out_are_taken_while_others_may_live(store: JobStore) -> None:
    expired, alive = store.submit("render", SPEC), store.submit("render", SPEC)
    store.claim("v", -1)
    store.claim("v", 60)
    assert ids(store.reclaim("w", expired_only=True)) == [expired.id]
    assert store.get(alive.id).worker == "v"


def test_a_box_that_cannot_makes_the_job_wait_longer_each_time(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    job = store.submit("render", SPEC)
    waited = []
    for _ in range(10):
        while not store.claim("w", 60):
            now[0] += 1
        waited.append(now[0])
        after = store.postpone(job.id, "disk full", "make room", pause_s=15)
        assert (after.state, after.error, after.hint, after.attempts) == (State.QUEUED, "disk full", "make room", 0)
    pauses = [later - earlier for earlier, later in itertools.pairwise(waited)]
    assert pauses[:3] == pytest.approx([15, 30, 60], abs=1)
    assert pauses[-1] == pytest.approx(600, abs=1)


def test_a_clock_that_was_set_back_does_not_make_a_job_wait_for_years(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.submit("render", SPEC)
    (job,) = store.claim("w", 60)
    store.postpone(job.id, "disk full", pause_s=15)
    monkeypatch.setattr(time, "time", lambda: 1000.0)
    assert ids(store.claim("w", 60)) == [job.id]


def test_a_person_can_end_the_pause(store: JobStore) -> None:
    store.submit("render", SPEC)
    (job,) = store.claim("w", 60)
    store.postpone(job.id, "disk full", pause_s=3600)
    assert store.claim("w", 60) == []
    store.retry(job.id)
    assert ids(store.claim("w", 60)) == [job.id]


def test_looking_at_an_idle_queue_writes_nothing(store: JobStore, tmp_path: Path) -> None:
    """The worker looks twice a second for years, at flash."""
    store.fail(store.submit("render", SPEC).id, "no")

    def written() -> dict[str, tuple[int, int]]:
        return {path.name: (path.stat().st_size, path.stat().st_mtime_ns) for path in tmp_path.glob("*.sqlite*")}

    before = written()
    assert store.claim("w", 60) == []
    assert store.claim("w", 60, lane=LIGHT) == []
    assert store.reclaim("w", expired_only=True) == []
    assert store.cancelling() == set()
    store.version()
    store.counts()
    assert {name: at for name, at in written().items() if not name.endswith("-shm")} == {
        name: at for name, at in before.items() if not name.endswith("-shm")
    }
