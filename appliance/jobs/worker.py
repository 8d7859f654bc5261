"""The worker: what each kind of job does. The only module outside the pipeline that calls it.

A render keeps its fragments in its work folder, which outlives crashes. An attempt that finds that the one before was
complete (`appliance.jobs.outputs`) has only the moving left to do, so no video is made twice.

The worker is the writer of the box's cache, which lasts from job to job; whatever is wrong with it, jobs are made.

Published states: `job:ID`; `worker`, what this machine chose and why, with `trouble` while nothing can be made;
`telemetry`; `options`, the table of generation options; `findings:worker`; `cache`, its statistics.
"""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from appliance.errors import ApplianceError, InputError
from appliance.findings import Finding, Status
from appliance.jobs import avatars, leftovers, options, outputs, poster, process, retention, uploads
from appliance.jobs.attempt import Attempt
from appliance.jobs.job import HEAVY, LANES, LIGHT, Job, new_id
from appliance.jobs.lane import Lane
from appliance.jobs.store import JobStore
from appliance.link import Link
from appliance.settings import Settings
from appliance.storage import atomic
from appliance.storage.cache import SegmentCache, box
from appliance.volumes import Volumes

if TYPE_CHECKING:
    from appliance.pipeline.cached import JobCache
    from appliance.pipeline.model import Model
    from appliance.pipeline.pack import AvatarPack
    from appliance.pipeline.progress import Job as Progress
    from appliance.pipeline.report import Report

log = logging.getLogger(__name__)

BATCH: Final = 4
SMALL_S: Final = 30.0
"""Sounds shorter than this may share a batch."""
LOST_S: Final = 2.0
"""Most of a video that is rendered again after a crash."""
_MOST_THREADS: Final = 4
"""Each thread may lose a fragment, so more threads mean shorter ones, and each begins with a whole picture: a video of
quarter-second fragments is nearly twice as large as one of three-second fragments."""
_MARGIN: Final = 0.8
"""Fragments are rounded to whole frames, in fours."""
_HOUSEKEEPING_S: Final = 3600.0
_TELEMETRY_S: Final = 5.0
_MAX_DETAILS: Final = 2
"""Of a finding: all of them have to fit a line of the link."""


class Worker:
    """Drains the queue of these volumes."""

    def __init__(self, volumes: Volumes, link: Link, settings: Callable[[], Settings]) -> None:
        """`settings` gives those in force now."""
        self._volumes, self._link, self._settings = volumes, link, settings
        self._store = JobStore(volumes.jobs)
        self._name = f"worker-{new_id()}"
        self._loaded: Model | None = None
        self._pack: AvatarPack | None = None
        self._cache: SegmentCache | None = None
        self._trouble: str | None = None
        self._importing = threading.Lock()
        """Two threads that import the same large packages for the first time are better kept apart."""
        self._housekeeping_at = 0.0
        self._makers = {
            "render": self._render,
            "enroll": self._enroll,
            "adjust": self._adjust,
            "inspect": self._inspect,
            "sheet": self._sheet,
        }
        lane = functools.partial(Lane, discard=self._discard)
        to_all = (self._store, self._name, self._make, link.state)
        self._lanes = [
            lane(HEAVY, *to_all, begin=self._warm_up, batch=BATCH, joins=self._is_small),
            lane(LIGHT, *to_all, begin=self._introduce, idle=self._keep_house),
        ]

    def run(self) -> None:
        """Until a signal ends it; in the main thread. `UnhealthyError` if another worker runs already."""
        with process.alone(self._volumes):
            self._store.check()
            supervisor = os.getppid() if self._link.connected else None
            with box.opened(self._volumes, supervisor=supervisor) as self._cache:
                self._tell_cache()
                process.serve(self._store, self._name, self._lanes, self._link, self._tell_trouble, self._cache.close)

    # What the lanes do besides jobs.

    def _warm_up(self) -> None:
        """Load the model before the first job asks for it, and say what this machine chose."""
        with self._importing:
            self._tell()
        threading.Thread(target=self._tell_telemetry, name="telemetry", daemon=True).start()

    def _introduce(self) -> None:
        """Publish what the console wants to know; make the shipped avatar if it is missing."""
        with self._importing:
            from appliance.pipeline import avatars as packs
            from appliance.pipeline import enroll, inspect  # noqa: F401  what the jobs of this lane need

        self._link.state("options", options.table())
        avatars.publish_demo(self._volumes, packs.show(packs.DEMO, self._volumes).path)
        found = [asdict(finding) | {"details": finding.details[:_MAX_DETAILS]} for finding in _findings()]
        self._link.state("findings:worker", {"findings": found})

    def _keep_house(self) -> None:
        """Now and then, and after every render: make room, and sweep."""
        if time.monotonic() < self._housekeeping_at:
            return
        self._housekeeping_at = time.monotonic() + _HOUSEKEEPING_S
        settings = self._settings()
        for name in retention.apply(self._volumes, self._store, settings):
            log.info("removed %s to keep within the limits", name)
        retention.sweep(self._volumes, self._store, settings)

    def _discard(self, job: Job) -> None:
        outputs.discard(self._volumes, job.id)
        if job.kind == "render":
            self._housekeeping_at = 0.0

    # What is published besides jobs.

    def _tell(self) -> None:
        choice = self._model().choice
        chosen = {"engine": choice.engine, "device": choice.device, "encoder": choice.encoder}
        named = [{"name": name, "reason": reason} for name, reason in choice.reasons.items()]
        refused = [str(refusal) for refusal in choice.refusals]
        more = {"threads": choice.render_threads, "choices": named, "refusals": refused, "trouble": self._trouble}
        self._link.state("worker", chosen | more)

    def _tell_trouble(self) -> None:
        trouble = next((lane.trouble for lane in self._lanes if lane.trouble), None)
        if trouble != self._trouble:
            self._trouble = trouble
            if self._loaded is not None:
                self._tell()
            else:
                self._link.state("worker", {"trouble": trouble})

    def _tell_cache(self) -> None:
        if self._cache:
            self._link.state(box.STATE, self._cache.stats())

    def _tell_telemetry(self) -> None:
        import psutil

        from appliance.pipeline.hardware import nvml
        from appliance.pipeline.hardware.telemetry import sample

        with nvml.opened() as gpus:
            while True:
                found: dict[str, Any] = {"cpu": psutil.cpu_percent()} | sample(gpus=gpus)
                short = {"temperature_c": "cpu_temperature_c", "gpu": "gpu_load_percent"}
                self._link.state("telemetry", found | {name: found.get(long) for name, long in short.items()})
                time.sleep(_TELEMETRY_S)

    # Jobs.

    def _make(self, attempt: Attempt) -> dict[str, Any]:
        """Make a job of any kind; what is said about an upload names it as its owner knows it."""
        from appliance.pipeline.progress import Job as Progress

        progress = Progress(lambda at: attempt.report(at.stage, at.done, at.total, at.eta_s))
        attempt.stops_by(progress.cancel)
        job = attempt.job
        with self._named(job):
            try:
                return self._makers[job.kind](job, progress, attempt)
            finally:
                if LANES[job.kind] == HEAVY:
                    self._tell_cache()

    def _render(self, job: Job, progress: Progress, attempt: Attempt) -> dict[str, Any]:
        result = outputs.completed(self._volumes, job.id)
        if result is None:
            report = self._rendered(job, progress, attempt)
            result = {"output": outputs.video(self._volumes, job.id).name, **report.as_dict()}
            made = outputs.work(self._volumes, job.id) / outputs.MADE
            outputs.complete(self._volumes, job.id, poster.jpeg(made), result)
        outputs.place(self._volumes, job.id)
        return result

    def _rendered(self, job: Job, progress: Progress, attempt: Attempt) -> Report:
        from appliance.pipeline.cached import JobCache
        from appliance.pipeline.options import Options

        cache = JobCache(self._cache)
        sound = self._upload(job.spec["audio"]).path
        wanted = Options.of(job.spec.get("options", {}))
        pack = self._resolved(job.spec["avatar"], job.spec.get("face"), progress, cache)
        model = self._model()
        folder = outputs.work(self._volumes, job.id)
        leftovers.make_folder(folder)

        def show(picture: bytes) -> None:
            if outputs.show(self._volumes, job.id, picture):
                attempt.previewed()

        return model.render_job(
            pack,
            sound,
            folder,
            folder / outputs.MADE,
            wanted,
            job=progress,
            fragment_s=_fragment_s(folder, model.choice.render_threads),
            preview=show,
            cache=cache,
        )

    def _enroll(self, job: Job, progress: Progress, _: Attempt) -> dict[str, Any]:
        from appliance.pipeline import avatars as packs
        from appliance.pipeline.cached import JobCache

        name, replace = job.spec["name"], job.spec.get("replace", False)
        source, cache = self._upload(job.spec).path, JobCache(self._cache)
        try:
            pack = packs.add(
                source, name, self._volumes, face=job.spec.get("face"), replace=replace, job=progress, cache=cache
            )
        except InputError:
            # Finished by an attempt that died before it could say so.
            if not (job.attempts > 1 and _made_since(self._volumes, name, job.created)):
                raise
            return {"avatar": name}
        used = cache.used()
        written = {"avatar": pack.size, "cache": used.get("admitted_bytes", 0)}
        return {"avatar": name, "cache": used, "bytes_written": written}

    def _adjust(self, job: Job, progress: Progress, _: Attempt) -> dict[str, Any]:
        from appliance.pipeline import avatars as packs
        from appliance.pipeline.adjust import adjust

        name = job.spec["avatar"]
        adjust(packs.show(name, self._volumes), job.spec["points"], self._volumes, progress)
        return {"avatar": name}

    def _inspect(self, job: Job, progress: Progress, _: Attempt) -> dict[str, Any]:
        from appliance.pipeline.inspect import inspect

        upload = self._upload(job.spec)
        result = inspect(upload.path, progress)
        return result | {"warnings": [text.replace(str(upload.path), upload.name) for text in result["warnings"]]}

    def _sheet(self, job: Job, _: Progress, __: Attempt) -> dict[str, Any]:
        from PIL import Image

        from appliance.pipeline import avatars as packs
        from appliance.pipeline import sheet

        name = job.spec["avatar"]
        pack = packs.show(name, self._volumes)
        target = avatars.sheet_file(self._volumes, name, avatars.get(self._volumes, name).checksum)
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic.replaced_file(target, suffix=".png") as drawn:
            sheet.save(pack, drawn)
            with Image.open(drawn) as picture:
                picture.convert("RGB").save(drawn, "JPEG", quality=90)
        avatars.sweep_sheets(self._volumes)
        return {"file": str(target.relative_to(self._volumes.data))}

    # What jobs need.

    def _model(self) -> Model:
        """Loaded once; used by the heavy lane alone."""
        if self._loaded is None:
            from appliance.pipeline import model

            loaded = model.load()
            loaded.choice = replace(loaded.choice, render_threads=min(loaded.choice.render_threads, _MOST_THREADS))
            self._loaded = loaded
        return self._loaded

    def _resolved(
        self, avatar: str | dict[str, str], face: int | None, progress: Progress, cache: JobCache
    ) -> AvatarPack:
        """The pack of a render; the last one is kept, so that a batch checks it once."""
        from appliance.pipeline import avatars as packs

        if isinstance(avatar, dict):
            return packs.resolve(str(self._upload(avatar).path), self._volumes, face=face, job=progress, cache=cache)
        found = packs.show(avatar, self._volumes, verify=False)
        if found != self._pack:
            self._pack = packs.show(avatar, self._volumes)
        return self._pack or found

    def _upload(self, spec: dict[str, Any]) -> uploads.Upload:
        return uploads.get(self._volumes, spec["upload"])

    def _is_small(self, job: Job) -> bool:
        """Whether the sound of a render is short, by what its file says."""
        from appliance.pipeline.sound import open_sound

        try:
            with open_sound(self._upload(job.spec["audio"]).path) as reader:
                return reader.duration_hint is not None and reader.duration_hint < SMALL_S
        except Exception:  # whatever is wrong with it, its own attempt says
            return False

    @contextlib.contextmanager
    def _named(self, job: Job) -> Iterator[None]:
        try:
            yield
        except ApplianceError as error:
            for value in (job.spec, *job.spec.values()):
                if isinstance(value, dict) and "upload" in value:
                    with contextlib.suppress(InputError):
                        upload = self._upload(value)
                        error.message = error.message.replace(str(upload.path), upload.name)
            raise


def _fragment_s(folder: Path, threads: int) -> float:
    """How much of a video a fragment holds: every thread may lose one.

    Fragments of another length would be of no use to an attempt with more or fewer threads than the one before; so as
    long as no more than `LOST_S` is at stake, that one's length is kept.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        begun = float(json.loads((folder / "plan.json").read_bytes())["fragment_s"])
        if begun * threads <= LOST_S:
            return begun
    return _MARGIN * LOST_S / threads


def _findings() -> Iterator[Finding]:
    """What the pipeline's health checks find."""
    from appliance.pipeline.hardware import checks

    for check in checks.checks():
        try:
            yield from check.run()
        except ApplianceError as error:
            yield Finding(check.name, Status.PROBLEM, error.message, error.hint)


def _made_since(volumes: Volumes, name: str, since: float) -> bool:
    """Whether an avatar is that new."""
    from datetime import datetime

    with contextlib.suppress(InputError):
        return datetime.fromisoformat(avatars.get(volumes, name).created).timestamp() >= int(since)
    return False
