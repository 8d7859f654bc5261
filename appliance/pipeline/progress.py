"""How long work reports where it is, and how it is told to stop.

A `Job` goes down through the pipeline: stages call `job.step(...)`, which raises `CancelledError` as soon as
someone has called `cancel()`; so every loop that reports progress can also be cancelled. Thread-safe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from appliance.errors import CancelledError


@dataclass(frozen=True, slots=True)
class Progress:
    """One report: `done` of `total` units of `stage`; `eta_s` is None while nothing can be said."""

    stage: str
    done: float
    total: float
    eta_s: float | None


class Job:
    """One cancellable piece of work with a listener for its progress."""

    def __init__(self, listener: Callable[[Progress], None] | None = None, *, parent: Job | None = None) -> None:
        self._listener = listener
        self._parent = parent
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._started: dict[str, float] = {}

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def cancelled(self) -> bool:
        return self._cancelled.is_set() or (self._parent is not None and self._parent.cancelled)

    def part(self) -> Job:
        """Work that is cancelled with this one, or by itself; it reports to the same listener."""
        return Job(self._listener, parent=self)

    def check(self) -> None:
        """Raise `CancelledError` if the work was called off."""
        if self.cancelled:
            raise CancelledError()

    def step(self, stage: str, done: float, total: float, *, given: float = 0) -> None:
        """Report that `done` of `total` units of `stage` are finished, or stop the work if it was called off.

        `given` of those done took no work, and tell nothing about how long the rest will take.
        """
        self.check()
        if self._listener is None:
            return
        with self._lock:
            now = time.monotonic()
            elapsed = now - self._started.setdefault(stage, now)
            eta = elapsed * (total - done) / (done - given) if done > given and elapsed > 0 else None
            self._listener(Progress(stage, done, total, eta))
