"""Long work that the console does itself, one at a time, while whoever asked for it looks on or goes away.

The state "errand", announced through the supervisor so that open pages see it move and it outlives the console:

    {"kind": "install" or "restore", "state": "running", "done", "failed" or "cancelled", "stage", "done", "total",
     "eta_s": seconds or null, "message", "hint", "pid": of the console that does it}

What dies with the console is safe by itself: RAUC installs on, and a restore goes on at the next start.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from flask import current_app

from appliance.console.box import Box
from appliance.errors import ApplianceError, CancelledError, InputError
from appliance.update.step import Step

log = logging.getLogger(__name__)

STATE: Final = "errand"
_TELL_S: Final = 0.5

Work = Callable[[Step], str]
"""Does it, telling its progress; returns what to say in the end."""


class Errands:
    """Thread-safe; one for each process."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._lock = threading.Lock()
        self._now: dict[str, Any] | None = None
        self._cancelled = threading.Event()
        self._told_at = 0.0

    def begin(self, kind: str, work: Work, afterwards: Callable[[bool], None] = lambda _: None) -> None:
        """Start it on a thread of its own; `InputError` while another one runs.

        `afterwards` is called however it ends, and told whether it was done.
        """
        with self._lock:
            if self._now is not None and self._now["state"] == "running":
                raise InputError("the box is busy with another file", hint="wait until it is done")
            self._cancelled.clear()
            self._now = {"kind": kind, "state": "running", "stage": "", "done": 0, "total": 0, "eta_s": None}
            self._now |= {"message": "", "hint": "", "pid": os.getpid()}
        threading.Thread(target=self._run, args=(work, afterwards), name=f"errand-{kind}", daemon=True).start()

    def cancel(self) -> None:
        """Call the work off, at its next step."""
        self._cancelled.set()

    def latest(self) -> dict[str, Any] | None:
        """The last errand of this process, or of the one before."""
        with self._lock:
            if self._now is not None:
                return dict(self._now)
        try:
            told: dict[str, Any] | None = self._box.control.ask("status")["states"].get(STATE)
        except ApplianceError:
            return None
        if told and told["state"] == "running":
            return told | {"state": "failed", "message": "the console was restarted meanwhile", "hint": "look again"}
        return told

    def _run(self, work: Work, afterwards: Callable[[bool], None]) -> None:
        started: dict[str, float] = {}

        def step(stage: str, done: float, total: float) -> None:
            if self._cancelled.is_set():
                raise CancelledError()
            elapsed = time.monotonic() - started.setdefault(stage, time.monotonic())
            eta = elapsed * (total - done) / done if done > 0 and elapsed > 0 else None
            self._tell({"stage": stage, "done": done, "total": total, "eta_s": eta})

        self._tell({}, now=True)
        try:
            end = {"state": "done", "message": work(step), "hint": ""}
        except CancelledError:
            end = {"state": "cancelled"}
        except ApplianceError as error:
            end = {"state": "failed", "message": error.message, "hint": error.hint}
        except Exception:
            log.exception("an errand ended with a bug")
            end = {"state": "failed", "message": "this is a bug in the console", "hint": "the log says more; try again"}
        self._tell(end | {"eta_s": None}, now=True)
        with contextlib.suppress(ApplianceError, OSError):
            afterwards(end["state"] == "done")

    def _tell(self, news: dict[str, Any], *, now: bool = False) -> None:
        with self._lock:
            assert self._now is not None  # noqa: S101  it runs
            self._now |= news
            value = dict(self._now)
        if now or time.monotonic() - self._told_at >= _TELL_S:
            self._told_at = time.monotonic()
            with contextlib.suppress(ApplianceError, OSError):
                self._box.control.ask("announce", name=STATE, value=value)


def errands() -> Errands:
    """Those of the running application."""
    found: Errands = current_app.extensions["errands"]
    return found
