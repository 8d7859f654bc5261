"""What the tests that kill share: a stream of small jobs, and the proof that each was made exactly once."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from random import Random
from typing import Final

from appliance.jobs.job import Job, State
from tests.integration.workers import Queue, assert_plays, until

FPS: Final = 25
WAITING: Final = 6
"""Jobs that are always there to be killed."""

# A row for every time that a job becomes done, in the transaction in which it does.
_JOURNAL: Final = """
CREATE TABLE completions (job TEXT NOT NULL);
CREATE TRIGGER completion AFTER UPDATE OF state ON jobs WHEN NEW.state = 'done' AND OLD.state != 'done'
BEGIN INSERT INTO completions VALUES (NEW.id); END;
"""


class Stream:
    """Small jobs without end for one avatar, of random length but a seed, and what came of them."""

    def __init__(self, queue: Queue, avatar: str, voice: str, random: Random) -> None:
        self._queue, self._avatar, self._voice, self._random = queue, avatar, voice, random
        self._frames: dict[str, int] = {}
        self._acknowledged: list[Job] = []
        self._seen: dict[str, tuple[int, int]] = {}
        with sqlite3.connect(queue.volumes.jobs) as connection:
            connection.executescript(_JOURNAL)
        connection.close()

    def refill(self) -> None:
        """Submit until enough are waiting; each twice, as by somebody who did not get the answer."""
        while self._count(State.QUEUED, State.RUNNING) < WAITING:
            frames = self._random.randint(5, 40)
            key, options = f"job {len(self._frames)}", {"duration": frames / FPS}
            job = self._queue.render(self._avatar, self._voice, key=key, options=options)
            again = self._queue.render(self._avatar, self._voice, key=key, options=options)
            assert again.id == job.id
            self._acknowledged.append(job)
            self._frames[job.id] = frames

    def look(self) -> None:
        """After a kill: no video that was there has gone or was made anew."""
        now = {path.name: path.stat() for path in self._queue.volumes.outputs.glob("*.mp4")}
        seen = {name: (status.st_ino, status.st_mtime_ns) for name, status in now.items()}
        assert self._seen.items() <= seen.items(), "a video was made anew, or is gone"
        self._seen = seen

    def until_busy(self, kill: int) -> None:
        """Before every third kill nothing is waited for, before others a job that is being made, or one that is done.

        What a dead worker was making counts as running until it is reclaimed, so only what was begun since counts.
        """
        begun = time.time()
        done = self._count(State.DONE)
        if kill % 3 == 1:
            running = [State.RUNNING]
            until(lambda: any((job.started or 0) > begun for job in self._queue.store.list(states=running)), "work")
        elif kill % 3 == 2:
            until(lambda: self._count(State.DONE) > done, "another job is done")

    def finish(self) -> None:
        """Wait until every job is done; those that too many kills met are tried again, as a person would."""

        def all_done() -> bool:
            for job in self._queue.store.list(states=[State.SET_ASIDE], limit=None):
                self._queue.store.retry(job.id)
            return len(self._queue.store.list(states=[State.DONE], kind="render", limit=None)) == len(
                self._acknowledged
            )

        until(all_done, "every job is done")
        self.look()

    def assert_each_was_made_once(self) -> int:
        """Of every acknowledged job there is one completion and one video that plays; returns their number."""
        with sqlite3.connect(self._queue.volumes.jobs) as connection:
            completed = [job for (job,) in connection.execute("SELECT job FROM completions")]
        connection.close()
        acknowledged = sorted(job.id for job in self._acknowledged)
        assert sorted(completed) == acknowledged, "a job was completed twice, or not at all"
        assert sorted(Path(name).stem for name in self._seen) == acknowledged, "a video is missing, or too many"
        for job, frames in self._frames.items():
            assert_plays(self._queue.volumes, job, frames)
        return len(acknowledged)

    def _count(self, *states: State) -> int:
        counts = self._queue.store.counts()
        return sum(counts[state] for state in states)
