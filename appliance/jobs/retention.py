"""Which finished videos, uploads and leftovers make way, and how a job goes with all that is its own.

A video goes with its job: first the files, then the row, so that a power cut in between leaves a job without files and
never files that nobody lists. The newest `keep_outputs_count` are kept, none longer than `keep_outputs_days`, and the
oldest make way until `keep_free_gb` are free on the data disk; for that last reason nothing goes that was made within
the hour, so that a small disk never takes a video from the one who just made it.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Final

from appliance.jobs import avatars, leftovers, outputs, uploads
from appliance.jobs.job import ID, LANES, LIGHT, OVER, Job, State
from appliance.jobs.store import JobStore
from appliance.settings import Settings
from appliance.volumes import Volumes

_PACK: Final = re.compile(r"[0-9a-f]{64}")
"""What `appliance.pipeline.enroll` calls the pack of a file; the shipped avatar's has another name, and stays."""
_DAY_S: Final = 86400.0
_HOUR_S: Final = 3600.0
_SPARED_S: Final = _HOUR_S
_PACKS_S: Final = _DAY_S
"""No pack goes that was asked for within that time: a render may still draw from it."""


def remove(volumes: Volumes, store: JobStore, job: str) -> None:
    """Take a job that is over away with its files; `InputError` for one that is not."""
    store.check_over(job)
    for path in (outputs.video(volumes, job), outputs.poster(volumes, job)):
        path.unlink(missing_ok=True)
    outputs.discard(volumes, job)
    store.remove(job)


def apply(volumes: Volumes, store: JobStore, settings: Settings) -> list[str]:
    """Apply the settings; returns the names of the removed outputs."""
    now = time.time()
    done = store.list(states=[State.DONE], kind="render", limit=None)
    done.sort(key=lambda job: job.finished or now, reverse=True)
    oldest = now - settings.keep_outputs_days * _DAY_S
    kept: list[Job] = []
    leaving: list[Job] = []
    for rank, job in enumerate(done):
        goes = rank >= settings.keep_outputs_count or (job.finished or now) < oldest
        (leaving if goes else kept).append(job)
    removed = [_remove_output(volumes, store, job) for job in leaving]
    while kept and _free_bytes(volumes) < settings.keep_free_gb * 1e9 and _age_s(kept[-1], now) > _SPARED_S:
        removed.append(_remove_output(volumes, store, kept.pop()))
    _forget(volumes, store, settings, now)
    return removed


def sweep(volumes: Volumes, store: JobStore, settings: Settings) -> None:
    """Remove uploads and packs that nothing needs, and what is left of jobs that nobody will go on with."""
    uploads.sweep(volumes, settings.keep_uploads_hours * _HOUR_S, store.uploads_in_use())
    # Looked at before the queue, so that the work of a job that is begun meanwhile is not among it.
    folders = (volumes.work, outputs.preview(volumes, "").parent)
    there = [entry for folder in folders for entry in _entries(folder) if ID.fullmatch(entry.stem)]
    resumable = {job.id for job in store.list(states=set(State) - OVER | {State.SET_ASIDE}, limit=None)}
    for entry in there:
        if entry.stem not in resumable:
            leftovers.remove(entry) if entry.is_dir() else entry.unlink(missing_ok=True)
    for folder in (volumes.work, volumes.outputs, volumes.avatars, volumes.packs, volumes.sheets):
        leftovers.sweep(folder)
    avatars.sweep_sheets(volumes)
    _sweep_packs(volumes, time.time() - max(settings.keep_uploads_hours * _HOUR_S, _PACKS_S))


def _sweep_packs(volumes: Volumes, before: float) -> None:
    """Remove the packs of uploads that were not asked for since then."""
    for pack in _entries(volumes.packs):
        with contextlib.suppress(FileNotFoundError):
            if _PACK.fullmatch(pack.name) and pack.stat().st_mtime < before:
                leftovers.remove(pack)


def _remove_output(volumes: Volumes, store: JobStore, job: Job) -> str:
    remove(volumes, store, job.id)
    return outputs.video(volumes, job.id).name


def _forget(volumes: Volumes, store: JobStore, settings: Settings, now: float) -> None:
    """Take away the other jobs that are over and long past: light ones with the uploads, heavy ones with the videos."""
    for job in store.list(states=OVER, limit=None):
        light = LANES.get(job.kind) == LIGHT
        keep_s = settings.keep_uploads_hours * _HOUR_S if light else settings.keep_outputs_days * _DAY_S
        if _age_s(job, now) > keep_s:
            remove(volumes, store, job.id)


def _age_s(job: Job, now: float) -> float:
    return now - (job.finished or now)


def _free_bytes(volumes: Volumes) -> int:
    with contextlib.suppress(FileNotFoundError):
        state = os.statvfs(volumes.data)
        return state.f_bavail * state.f_frsize
    return 1 << 62


def _entries(folder: Path) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return list(folder.iterdir())
    return []
