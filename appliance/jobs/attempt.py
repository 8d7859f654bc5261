"""One attempt at a job: what it tells those who watch, and how it is told to stop. Thread-safe."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from appliance.jobs.job import Job

Publish = Callable[[str, dict[str, Any]], None]

_EVERY_S: Final = 0.25
_MAX_TEXT: Final = 600
"""Of a message: a published state has to fit a line of the link."""

_NO_STAGE: Final[dict[str, Any]] = {"stage": "", "done": 0.0, "total": 0.0, "eta_s": None}
_SPANS: Final[dict[str, dict[str, tuple[float, float]]]] = {
    "render": {"render": (0.0, 0.97), "join": (0.97, 1.0)},
    "enroll": {"decode": (0.0, 0.05), "landmarks": (0.05, 0.9), "pack": (0.9, 1.0)},
}
"""From which to which share of the whole each stage of a kind of job goes."""


class Attempt:
    """`job` is the row as it was claimed. Its maker calls `report`, and says with `stops_by` how it is stopped."""

    def __init__(self, job: Job, publish: Publish) -> None:
        self.job = job
        self.cancelled = False
        """Whether somebody called the job off, rather than the worker having to stop."""
        self._publish = publish
        self._lock = threading.Lock()
        self._stop: Callable[[], None] = lambda: None
        self._stopped = False
        self._spoken = 0.0
        self._stage = _NO_STAGE
        self._share = 0.0
        self._previews = 0

    def stops_by(self, stop: Callable[[], None]) -> None:
        """What to call to stop the work; called at once if that was asked for already."""
        with self._lock:
            self._stop = stop
            stopped = self._stopped
        if stopped:
            stop()

    def cancel(self) -> None:
        """Stop because somebody called the job off."""
        self.cancelled = True
        self.interrupt()

    def interrupt(self) -> None:
        """Stop because the worker has to."""
        with self._lock:
            self._stopped = True
            stop = self._stop
        stop()

    def report(self, stage: str, done: float, total: float, eta_s: float | None) -> None:
        """Where the work is; published a few times a second, and whenever a stage begins."""
        now = time.monotonic()
        with self._lock:
            if stage == self._stage["stage"] and now - self._spoken < _EVERY_S:
                return
            self._spoken = now
            rounded = None if eta_s is None else round(eta_s, 1)
            self._stage = {"stage": stage, "done": round(done, 2), "total": round(total, 2), "eta_s": rounded}
            first, last = _SPANS.get(self.job.kind, {}).get(stage, (0.0, 0.0))
            self._share = max(self._share, first + (last - first) * (min(1.0, done / total) if total else 0.0))
            value = self.value("running")
        self._publish(f"job:{self.job.id}", value)

    def previewed(self) -> None:
        """There is a new preview picture."""
        self._previews += 1

    def value(self, state: str, **more: Any) -> dict[str, Any]:
        """The published state of the job."""
        job = self.job
        value = {"state": str(state), "kind": job.kind, "title": job.title, "preview": self._previews}
        value |= self._stage if state == "running" else _NO_STAGE
        value["share"] = 1.0 if state == "done" else round(self._share, 4)
        if job.error:
            value |= {"error": job.error[:_MAX_TEXT], "hint": (job.hint or "")[:_MAX_TEXT]}
        return value | more
