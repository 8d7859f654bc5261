"""The queue as people use it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError
from appliance.jobs.job import Job, State
from appliance.jobs.rows import NoSuchJobError
from appliance.jobs.store import JobStore

U, V = "a" * 20, "b" * 20
SPEC: dict[str, Any] = {"avatar": "anna", "audio": {"upload": U}}


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def claimed(store: JobStore) -> Job:
    (job,) = store.claim("w", 60)
    return job


def test_a_job_comes_back_as_it_was_submitted(store: JobStore, tmp_path: Path) -> None:
    job = store.submit("render", SPEC | {"options": {"seed": 3}}, title="Grüße 你好", priority=5, key="k")
    assert (job.state, job.attempts, job.crashes, job.result) == (State.QUEUED, 0, 0, None)
    assert JobStore(tmp_path / "jobs.sqlite").get(job.id) == job
    assert (job.spec["options"], job.title, job.priority, job.key) == ({"seed": 3}, "Grüße 你好", 5, "k")


def test_an_acknowledged_job_survives_the_death_of_who_submitted_it(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from appliance.jobs.store import JobStore\n"
        "job = JobStore(Path(sys.argv[1])).submit('inspect', {'upload': 'a' * 20})\n"
        "os.write(1, job.id.encode()); os.kill(os.getpid(), 9)\n"
    )
    died = subprocess.run([sys.executable, "-c", code, tmp_path / "j"], capture_output=True, text=True, check=False)
    assert died.returncode == -9
    assert JobStore(tmp_path / "j").get(died.stdout).state == State.QUEUED


def test_the_same_key_is_the_same_job(store: JobStore) -> None:
    first = store.submit("render", SPEC, key="k")
    assert store.submit("render", SPEC, key="k") == first
    assert store.by_key("k") == first
    assert store.by_key("other") is None
    assert store.submit("render", SPEC, key="other").id != first.id
    assert store.submit("render", SPEC).id != store.submit("render", SPEC).id


def test_one_key_from_many_threads_makes_one_job(store: JobStore) -> None:
    ids: list[str] = []
    threads = [threading.Thread(target=lambda: ids.append(store.submit("render", SPEC, key="k").id)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 8
    assert len(set(ids)) == 1


@pytest.mark.parametrize("priority", [-101, 101])
def test_a_priority_out_of_range_is_refused(store: JobStore, priority: int) -> None:
    with pytest.raises(InputError, match="priority"):
        store.submit("render", SPEC, priority=priority)


def test_a_bad_request_is_not_queued(store: JobStore) -> None:
    with pytest.raises(InputError):
        store.submit("render", {"avatar": "anna"})
    assert store.list() == []


def test_listing_filters_and_goes_on_from_a_job(store: JobStore) -> None:
    ids = [store.submit("render", SPEC).id for _ in range(5)]
    light = store.submit("inspect", {"upload": U}).id
    store.cancel(ids[4])
    assert [job.id for job in store.list()] == [light, *reversed(ids)]
    assert [job.id for job in store.list(kind="inspect")] == [light]
    assert [job.id for job in store.list(states=[State.CANCELLED])] == [ids[4]]
    page = store.list(kind="render", limit=2)
    assert [job.id for job in page] == [ids[4], ids[3]]
    assert [job.id for job in store.list(kind="render", limit=2, before=page[-1].id)] == [ids[2], ids[1]]
    assert len(store.list(limit=None)) == 6


def test_counts_name_every_state(store: JobStore) -> None:
    store.submit("render", SPEC)
    store.submit("render", SPEC)
    claimed(store)
    assert store.counts() == {"queued": 1, "running": 1, "done": 0, "failed": 0, "cancelled": 0, "set_aside": 0}


def test_a_waiting_job_is_cancelled_at_once(store: JobStore) -> None:
    job = store.cancel(store.submit("render", SPEC).id)
    assert job.state == State.CANCELLED
    assert job.finished is not None
    assert store.cancel(job.id) == job
    assert store.claim("w", 60) == []


def test_a_running_job_is_marked_until_the_worker_confirms(store: JobStore) -> None:
    store.submit("render", SPEC)
    job = store.cancel(claimed(store).id)
    assert (job.state, job.cancelling) == (State.RUNNING, True)
    assert store.cancelling() == {job.id}
    after = store.confirm_cancel(job.id)
    assert (after.state, after.cancelling, after.worker) == (State.CANCELLED, False, None)
    assert store.cancelling() == set()


def test_what_is_over_cannot_be_cancelled(store: JobStore) -> None:
    store.submit("render", SPEC)
    job = store.finish(claimed(store).id, {})
    with pytest.raises(InputError, match="done"):
        store.cancel(job.id)


def test_a_retry_starts_afresh(store: JobStore) -> None:
    store.submit("render", SPEC)
    failed = store.fail(claimed(store).id, "no face", "another picture")
    assert (failed.state, failed.error, failed.hint) == (State.FAILED, "no face", "another picture")
    job = store.retry(failed.id)
    assert (job.state, job.error, job.hint, job.finished) == (State.QUEUED, None, None, None)
    assert store.retry(job.id) == job
    assert claimed(store).id == job.id


def test_what_is_done_is_not_done_again(store: JobStore) -> None:
    store.submit("render", SPEC)
    job = store.finish(claimed(store).id, {"output": "x.mp4"})
    with pytest.raises(InputError, match="done"):
        store.retry(job.id)
    assert store.get(job.id) == job


def test_only_what_is_over_can_be_removed(store: JobStore) -> None:
    job = store.submit("render", SPEC, key="k")
    with pytest.raises(InputError, match="is queued"):
        store.remove(job.id)
    claimed(store)
    with pytest.raises(InputError, match="is running"):
        store.remove(job.id)
    store.finish(job.id, {})
    store.remove(job.id)
    with pytest.raises(NoSuchJobError, match=job.id):
        store.get(job.id)
    assert store.by_key("k") is None


def test_unknown_ids_are_refused_everywhere(store: JobStore) -> None:
    for ask in (store.get, store.cancel, store.retry, store.remove, store.check_over, store.release):
        with pytest.raises(NoSuchJobError):
            ask("nothing")


def test_what_jobs_still_need_is_known(store: JobStore) -> None:
    store.submit("render", SPEC)
    store.submit("render", {"avatar": {"upload": V}, "audio": {"upload": "c" * 20}})
    store.submit("inspect", {"upload": "d" * 20})
    over = store.submit("render", {"avatar": "old", "audio": {"upload": "e" * 20}})
    store.cancel(over.id)
    assert store.uploads_in_use() == {U, V, "c" * 20, "d" * 20}
    assert store.avatars_in_use() == {"anna"}
