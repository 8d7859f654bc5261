"""Work that takes minutes, one at a time, on a thread of its own: who asked for it may look away and come back."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Literal

from appliance.console.errors import RefusedError
from appliance.errors import ApplianceError
from appliance.update.step import Step

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Progress:
    """`share` is 0 to 1; `message` what came of it, `hint` what to do about that."""

    kind: str
    about: str
    state: Literal["running", "done", "failed"] = "running"
    share: float = 0.0
    message: str = ""
    hint: str = ""


class Errands:
    """Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest: Progress | None = None

    def latest(self) -> Progress | None:
        with self._lock:
            return self._latest

    def is_busy(self) -> bool:
        latest = self.latest()
        return latest is not None and latest.state == "running"

    def begin(self, kind: str, about: str, work: Callable[[Step], str]) -> None:
        """Start `work`, which says at its end what it did. `RefusedError` while there is other work."""
        self._claim(kind, about)
        threading.Thread(target=self._run, args=(work,), name="errand", daemon=True).start()

    def do(self, kind: str, about: str, work: Callable[[Step], str], step: Step) -> str:
        """The same, here and now; what it raises is passed on."""
        self._claim(kind, about)

        def both(stage: str, done: float, total: float) -> None:
            self._step(stage, done, total)
            step(stage, done, total)

        try:
            message = work(both)
        except ApplianceError as error:
            self._end("failed", error.message, error.hint)
            raise
        except BaseException:
            self._end("failed", "it was called off", "")
            raise
        self._end("done", message, "")
        return message

    def _claim(self, kind: str, about: str) -> None:
        with self._lock:
            if self._latest is not None and self._latest.state == "running":
                raise RefusedError(HTTPStatus.CONFLICT, "other work is not done yet", hint="wait until it is")
            self._latest = Progress(kind, about)

    def _run(self, work: Callable[[Step], str]) -> None:
        try:
            self._end("done", work(self._step), "")
        except ApplianceError as error:
            log.warning("%s", error.message)
            self._end("failed", error.message, error.hint)
        except Exception as error:
            log.exception("an errand failed: a bug")
            self._end("failed", f"this is a bug: {error}", "the serial console says more")

    def _step(self, _stage: str, done: float, total: float) -> None:
        with self._lock:
            if self._latest is not None:
                self._latest = replace(self._latest, share=min(1.0, done / total) if total else 0.0)

    def _end(self, state: Literal["done", "failed"], message: str, hint: str) -> None:
        with self._lock:
            if self._latest is not None:
                self._latest = replace(self._latest, state=state, message=message, hint=hint, share=1.0)
