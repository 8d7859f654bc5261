"""What the job queue costs the flash: SQLite as it comes, or as the box sets it up. Runs in the guest.

Both are the box's own queue doing the same; for the obvious way SQLite is kept from hearing which page size and which
journal the box wants, so that it has pages of 4 KiB and a rollback journal that is deleted with every commit.
"""

from __future__ import annotations

import contextlib
import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from unittest import mock

from appliance.jobs.job import new_id
from appliance.jobs.store import JobStore
from tests.bench import simulated_nand

_MOUNT: Final = Path("/tmp/nand")  # noqa: S108
_KEPT: Final = 100
"""Finished jobs that are not forgotten yet."""
_WORKER: Final = "worker"
_RESULT: Final = {"seconds": 12.4, "frames": 310, "width": 1024, "height": 1024, "fps": 25, "warnings": []}


class _AsItComes(sqlite3.Connection):
    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        deaf = sql.startswith(("PRAGMA page_size =", "PRAGMA journal_mode ="))
        return super().execute("SELECT 1" if deaf else sql, parameters)


class Queue:
    """A box that makes one video after the other; `step` returns after one acknowledged commit."""

    def __init__(self, path: Path) -> None:
        self._store = JobStore(path)
        self._finished: list[str] = []
        self._steps = self._for_ever()

    def step(self) -> None:
        next(self._steps)

    def _for_ever(self) -> Iterator[None]:
        while True:
            spec = {"avatar": "demo", "audio": {"upload": new_id()}, "options": {"min_resolution": 1024, "fps": 25}}
            self._store.submit("render", spec, title="A message from the lobby", key=new_id())
            yield
            (job,) = self._store.claim(_WORKER, 60)
            yield
            self._store.renew([job.id], 60)
            yield
            self._store.finish(job.id, _RESULT | {"output": f"{job.id}.mp4"})
            self._finished.append(job.id)
            yield
            if len(self._finished) > _KEPT:
                self._store.remove(self._finished.pop(0))
                yield

    def journal(self) -> str:
        with self._store._database.reading() as connection:
            return str(connection.execute("PRAGMA journal_mode").fetchone()[0])

    def close(self) -> None:
        self._store.close()


@contextlib.contextmanager
def opened(name: str, path: Path) -> Iterator[Queue]:
    """The queue as the box sets it up, or on SQLite `as_it_comes`."""
    factory = _AsItComes if name == "as_it_comes" else sqlite3.Connection
    with mock.patch("sqlite3.connect", functools.partial(sqlite3.connect, factory=factory)):
        queue = Queue(path)
        journal = queue.journal()
        try:
            if journal != ("delete" if name == "as_it_comes" else "wal"):
                raise RuntimeError(f"the journal of {name} is {journal}")
            yield queue
        finally:
            queue.close()


QUEUES: Final = ("as_it_comes", "box")


def wear_of(name: str, *, warm_up: int, measured: int, volume_mb: int) -> dict[str, float]:
    """What so many commits cost, once the volume has been written through."""
    with (
        simulated_nand.chip(64, 8, volume_mb),
        simulated_nand.mounted(_MOUNT, "state"),
        opened(name, _MOUNT / "jobs.sqlite") as queue,
    ):
        for _number in range(warm_up):
            queue.step()
        before = simulated_nand.wear()
        for _number in range(measured):
            queue.step()
        wear = simulated_nand.wear() - before
    return {
        "commits": measured,
        "erases": wear.erases,
        "programmed": wear.programmed,
        "erases_per_1000": round(wear.erases / measured * 1000, 1),
        "blocks_programmed_per_1000": round(wear.programmed / simulated_nand.BLOCK_BYTES / measured * 1000, 1),
    }
