"""What makes way, and what stays."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError
from appliance.jobs import outputs, retention
from appliance.jobs.job import Job, State
from appliance.jobs.store import JobStore
from appliance.settings import Settings
from appliance.volumes import Volumes

DAY_S = 86400.0
SPEC = {"avatar": "anna", "audio": {"upload": "a" * 20}}
ROOMY = Settings(keep_free_gb=0.0)


class Box:
    """Volumes with a queue whose clock the test turns."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.volumes = Volumes(root)
        self.store = JobStore(self.volumes.jobs)
        self.ago_s = 0.0
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() - self.ago_s)

    def done(self, *, ago_s: float = 0.0) -> str:
        """A render that was finished that long ago, with its files."""
        self.ago_s = ago_s
        self.store.submit("render", SPEC)
        (job,) = self.store.claim("w", 60)
        self.volumes.outputs.mkdir(parents=True, exist_ok=True)
        for path in (outputs.video(self.volumes, job.id), outputs.poster(self.volumes, job.id)):
            path.write_bytes(b"x")
        self.store.finish(job.id, {})
        self.ago_s = 0.0
        return job.id

    def files(self) -> set[str]:
        return {path.name for path in self.volumes.outputs.iterdir()}


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Box:
    return Box(tmp_path, monkeypatch)


def test_the_newest_are_kept(box: Box) -> None:
    jobs = [box.done(ago_s=100 - number) for number in range(5)]
    removed = retention.apply(box.volumes, box.store, Settings(keep_outputs_count=2, keep_free_gb=0))
    assert removed == [f"{job}.mp4" for job in (jobs[2], jobs[1], jobs[0])]
    assert box.files() == {f"{job}.{ending}" for job in jobs[3:] for ending in ("mp4", "jpg")}
    assert [job.id for job in box.store.list()] == [jobs[4], jobs[3]]


def test_the_old_go(box: Box) -> None:
    old, young = box.done(ago_s=3 * DAY_S), box.done(ago_s=1 * DAY_S)
    assert retention.apply(box.volumes, box.store, Settings(keep_outputs_days=2, keep_free_gb=0)) == [f"{old}.mp4"]
    assert [job.id for job in box.store.list()] == [young]


def test_a_full_disk_takes_the_oldest_but_nothing_of_the_last_hour(box: Box) -> None:
    oldest, older, fresh = box.done(ago_s=2 * DAY_S), box.done(ago_s=DAY_S), box.done(ago_s=60)
    removed = retention.apply(box.volumes, box.store, Settings(keep_free_gb=100_000))
    assert removed == [f"{oldest}.mp4", f"{older}.mp4"]
    assert outputs.video(box.volumes, fresh).is_file()


def test_no_more_goes_than_has_to(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every video that goes frees half a gigabyte, on a disk that says so."""
    jobs = [box.done(ago_s=DAY_S * (5 - number)) for number in range(4)]
    real = os.statvfs

    def statvfs(path: Path) -> os.statvfs_result:
        free = 500_000_000 * (4 - len(list(box.volumes.outputs.glob("*.mp4"))))
        values = list(real(path))
        values[1], values[4] = 1, free  # f_frsize, f_bavail
        return os.statvfs_result(values)

    monkeypatch.setattr(os, "statvfs", statvfs)
    removed = retention.apply(box.volumes, box.store, Settings(keep_free_gb=1.0))
    assert removed == [f"{jobs[0]}.mp4", f"{jobs[1]}.mp4"]


def test_unfinished_jobs_are_never_touched(box: Box) -> None:
    box.ago_s = 400 * DAY_S
    waiting = box.store.submit("render", SPEC)
    running = box.store.submit("enroll", {"name": "a", "upload": "a" * 20})
    box.store.claim("w", 60)
    box.ago_s = 0
    retention.apply(box.volumes, box.store, Settings(keep_outputs_days=1, keep_free_gb=100_000))
    assert {job.id for job in box.store.list()} == {waiting.id, running.id}


def test_jobs_that_are_long_over_are_forgotten(box: Box) -> None:
    box.ago_s = 3 * DAY_S
    inspected = box.store.submit("inspect", {"upload": "a" * 20})
    enrolled = box.store.submit("enroll", {"name": "a", "upload": "a" * 20})
    for job in (inspected, enrolled):
        box.store.cancel(job.id)
    box.ago_s = 0
    retention.apply(box.volumes, box.store, ROOMY)
    assert [job.id for job in box.store.list()] == [enrolled.id]


def test_a_job_goes_with_all_that_is_its_own(box: Box) -> None:
    job = box.done()
    outputs.work(box.volumes, job).mkdir(parents=True)
    outputs.show(box.volumes, job, b"x")
    retention.remove(box.volumes, box.store, job)
    assert box.files() == set()
    assert not outputs.work(box.volumes, job).exists()
    assert not outputs.preview(box.volumes, job).exists()
    assert box.store.list() == []


def test_a_job_that_is_not_over_keeps_its_files(box: Box) -> None:
    job = box.store.submit("render", SPEC)
    outputs.work(box.volumes, job.id).mkdir(parents=True)
    with pytest.raises(InputError, match="queued"):
        retention.remove(box.volumes, box.store, job.id)
    assert outputs.work(box.volumes, job.id).is_dir()


def test_a_sweep_takes_the_work_of_jobs_that_nobody_goes_on_with(box: Box) -> None:
    waiting, cancelled = box.store.submit("render", SPEC), box.store.submit("render", SPEC)
    box.store.cancel(cancelled.id)
    unknown = "z" * 20
    for job in (waiting.id, cancelled.id, unknown):
        outputs.work(box.volumes, job).mkdir(parents=True)
        outputs.show(box.volumes, job, b"x")
    aside = box.volumes.work / "somebody-elses"
    aside.mkdir()
    retention.sweep(box.volumes, box.store, ROOMY)
    assert {path.name for path in box.volumes.work.iterdir()} == {waiting.id, aside.name}
    assert [path.stem for path in outputs.preview(box.volumes, "").parent.iterdir()] == [waiting.id]


@pytest.mark.parametrize("folder", ["data/avatars", "data/work/packs", "data/work/sheets"])
def test_a_sweep_takes_what_dead_writers_left_and_nothing_of_those_alive(box: Box, folder: str) -> None:
    place = box.volumes.root / folder
    left, begun = place / ".tmp-left" / "pack", place / ".tmp-begun" / "pack"
    for path in (left, begun):
        path.mkdir(parents=True)
    for path in (left, left.parent):
        os.utime(path, (0, 0))
    retention.sweep(box.volumes, box.store, ROOMY)
    assert not left.parent.exists()
    assert begun.is_dir()


def test_a_sweep_takes_packs_that_nobody_asked_for_in_a_day(box: Box) -> None:
    old, new, shipped = (box.volumes.packs / name for name in ("a" * 64, "b" * 64, f"demo-{'c' * 64}"))
    for path in (old, new, shipped):
        (path / "rig.npz").mkdir(parents=True)
    for path in (old, shipped):
        os.utime(path, (time.time() - 2 * DAY_S,) * 2)
    retention.sweep(box.volumes, box.store, Settings(keep_free_gb=0.0, keep_uploads_hours=1.0))
    assert {path.name for path in box.volumes.packs.iterdir()} == {new.name, shipped.name}


def test_outputs_of_unknown_jobs_are_left_alone(box: Box) -> None:
    """After the database was lost they are all that the owner has."""
    box.volumes.outputs.mkdir(parents=True)
    orphan = outputs.video(box.volumes, "z" * 20)
    orphan.write_bytes(b"x")
    retention.apply(box.volumes, box.store, Settings(keep_free_gb=100_000))
    retention.sweep(box.volumes, box.store, ROOMY)
    assert orphan.is_file()


def test_set_aside_work_is_kept_for_a_retry(box: Box) -> None:
    job = box.store.submit("render", SPEC)
    outputs.work(box.volumes, job.id).mkdir(parents=True)
    for crash in range(3):
        box.store.claim(f"w{crash}", 60)
        box.store.reclaim("next")
    assert box.store.get(job.id).state == State.SET_ASIDE
    retention.sweep(box.volumes, box.store, ROOMY)
    assert outputs.work(box.volumes, job.id).is_dir()


def test_the_work_of_a_job_that_is_begun_during_a_sweep_is_kept(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is submitted, claimed and begun just after the sweep has asked the queue."""
    asked = box.store.list

    def ask_and_begin(**what: Any) -> list[Job]:
        found = asked(**what)
        job = box.store.submit("render", SPEC)
        outputs.work(box.volumes, job.id).mkdir(parents=True)
        return found

    monkeypatch.setattr(box.store, "list", ask_and_begin)
    retention.sweep(box.volumes, box.store, ROOMY)
    begun = {job.id for job in asked()}
    assert begun
    assert {path.name for path in box.volumes.work.iterdir()} == begun
