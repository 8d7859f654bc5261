"""A worker that is started again when it dies, as the supervisor does, with a queue of its own.

Its main thread and its lane are the box's own (`appliance.jobs.process`); the real one takes a minute to start on an
emulated processor.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from appliance.errors import UnhealthyError
from appliance.jobs import process
from appliance.jobs.attempt import Attempt
from appliance.jobs.job import LIGHT, new_id
from appliance.jobs.lane import Lane
from appliance.jobs.store import JobStore
from appliance.link import Link
from appliance.volumes import Volumes
from tests.board.inside.facts import until

_fork = multiprocessing.get_context("fork")
_TROUBLE: Final = Path("/run/trouble")


class Worker:
    """Runs until it is stopped."""

    def __init__(self, box: Volumes) -> None:
        self._box = box
        self._deaths: list[int] = []
        self._process = self._started()

    def trouble_told(self, words: str) -> dict[str, Any]:
        """Wait until it says so and stays up; how often it had to be started again, and what it died of."""

        def told() -> bool:
            if not self._process.is_alive():
                self._deaths.append(self._process.exitcode or 0)
                _TROUBLE.unlink(missing_ok=True)
                self._process = self._started()
            return _TROUBLE.exists() and words in _TROUBLE.read_text()

        until(told, f"the worker says {words!r}")
        return {"trouble": _TROUBLE.read_text(), "deaths": self._deaths}

    def stop(self) -> int | None:
        """In order; its exit code."""
        self._process.terminate()
        self._process.join()
        return self._process.exitcode

    def _started(self) -> BaseProcess:
        started = _fork.Process(target=_work, args=(self._box,), daemon=True)
        started.start()
        return started


def _work(box: Volumes) -> None:
    """Twice a second there is a new job; each takes a second, so that there is always one waiting."""
    name = new_id()
    store = JobStore(box.state / "worker.sqlite")

    def make(_: Attempt) -> dict[str, Any]:
        time.sleep(1)
        return {}

    lane = Lane(LIGHT, store, name, make, lambda *_: None)

    def tick() -> None:
        with contextlib.suppress(UnhealthyError):
            store.submit("inspect", {"upload": "a" * 20})
        if lane.trouble:
            _TROUBLE.write_text(lane.trouble)

    process.serve(store, name, [lane], Link(None), tick)
