"""The worker's side of the queue: claims, leases, and how attempts end.

A worker *claims* jobs for the length of a lease, which it renews while it lives; an attempt ends with exactly one of
`finish`, `fail`, `confirm_cancel`, `release` or `postpone`. What ends otherwise has died: `reclaim` puts it back into
the queue, and after `MAX_CRASHES` such deaths sets it aside. Of jobs claimed together only the first unfinished one was
being made, so only that one is counted; and none is after a power cut, which the kernel's boot id tells.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from appliance.jobs import rows
from appliance.jobs.database import Database
from appliance.jobs.job import HEAVY, Job, State

MAX_CRASHES: Final = 3
_DEADLY: Final = f"the worker died {MAX_CRASHES} times while making this"
_DEADLY_HINT: Final = "see the log; try again, or with another file"
_MAX_PAUSE_S: Final = 600.0


class Attempts:
    """What a worker does with the queue in a database."""

    def __init__(self, database: Database, boot: str) -> None:
        self._database = database
        self._boot = boot

    def get(self, job: str) -> Job:
        with self._database.reading() as connection:
            return rows.get(connection, job)

    def claim(
        self,
        worker: str,
        lease_s: float,
        limit: int = 1,
        lane: str = HEAVY,
        joins: Callable[[Job], bool] = lambda _: False,
    ) -> list[Job]:
        """Take the next job of a lane, and up to `limit` in all of those behind it that go well with it.

        Those are of the same kind, avatar and priority, and `joins` says of each, the first included, that it is small.
        It may be asked about a file that kills whoever opens it. So the first is claimed before, to be blamed; and what
        a worker has died with stays alone, so that none is blamed for another's file more than once.
        """
        with self._database.reading() as connection:
            # A pause that ends too far ahead was set before the clock was: it is over.
            ready = "state = ? AND lane = ? AND not_before NOT BETWEEN ? AND ? ORDER BY priority DESC, n LIMIT ?"
            now = time.time()
            found = rows.select(connection, ready, State.QUEUED, lane, now, now + _MAX_PAUSE_S, 4 * limit)
        claimed = self._lease(found[:1], worker, lease_s)
        if claimed and limit > 1:
            alike = [job for job in found[1:] if _alike(job, found[0])]
            if alike and not found[0].crashes and joins(found[0]):
                small = [job for job in alike if not job.crashes and joins(job)]
                claimed += self._lease(small[: limit - 1], worker, lease_s, first_turn=1)
        return claimed

    def _lease(self, jobs: list[Job], worker: str, lease_s: float, first_turn: int = 0) -> list[Job]:
        """Those of the jobs that nobody has taken or cancelled since they were found, running from now on."""
        if not jobs:
            return []
        with self._database.writing() as connection:
            claimed, now = [], time.time()
            for turn, job in enumerate(jobs, first_turn):
                done = connection.execute(
                    "UPDATE jobs SET state = ?, worker = ?, boot = ?, turn = ?, lease_until = ?, started = ?, "
                    "attempts = attempts + 1, error = NULL, hint = NULL WHERE id = ? AND state = ?",
                    (State.RUNNING, worker, self._boot, turn, now + lease_s, now, job.id, State.QUEUED),
                )
                if done.rowcount:
                    claimed.append(rows.get(connection, job.id))
            return claimed

    def renew(self, jobs: Iterable[str], lease_s: float) -> None:
        """Lengthen the leases of running jobs."""
        with self._database.writing() as connection:
            connection.executemany(
                "UPDATE jobs SET lease_until = ? WHERE id = ? AND state = ?",
                [(time.time() + lease_s, job, State.RUNNING) for job in jobs],
            )

    def finish(self, job: str, result: Mapping[str, Any]) -> Job:
        """The job is done; again the same, and nothing happens."""
        with self._database.writing() as connection:
            rows.end(connection, job, State.DONE, result=json.dumps(result))
        return self.get(job)

    def fail(self, job: str, message: str, hint: str = "") -> Job:
        """The job cannot be made; trying again would not help."""
        with self._database.writing() as connection:
            rows.end(connection, job, State.FAILED, error=message, hint=hint or None)
        return self.get(job)

    def confirm_cancel(self, job: str) -> Job:
        """The worker has stopped what was to be cancelled."""
        with self._database.writing() as connection:
            rows.end(connection, job, State.CANCELLED)
        return self.get(job)

    def release(self, job: str) -> Job:
        """Put a job back because the worker stops in order; the attempt does not count."""
        with self._database.writing() as connection:
            connection.execute(
                f"UPDATE jobs SET state = ?, attempts = attempts - 1, {rows.NOBODYS} WHERE id = ? AND state = ?",  # noqa: S608
                (State.QUEUED, job, State.RUNNING),
            )
        return self.get(job)

    def postpone(self, job: str, message: str, hint: str = "", *, pause_s: float) -> Job:
        """Put a job back because the box cannot make it now; not to be claimed for a pause that doubles each time."""
        with self._database.writing() as connection:
            (pauses,) = connection.execute("SELECT pauses FROM jobs WHERE id = ?", (job,)).fetchone() or (0,)
            pause = min(_MAX_PAUSE_S, pause_s * 2 ** min(pauses, 16))
            connection.execute(
                "UPDATE jobs SET state = ?, attempts = attempts - 1, not_before = ?, pauses = pauses + 1, "  # noqa: S608
                f"error = ?, hint = ?, {rows.NOBODYS} WHERE id = ? AND state = ?",
                (State.QUEUED, time.time() + pause, message, hint or None, job, State.RUNNING),
            )
        return self.get(job)

    def reclaim(self, worker: str, *, expired_only: bool = False) -> list[Job]:
        """End the attempts of workers that are gone: of all others, or only those whose leases ran out.

        Returns the jobs as they are now: queued, cancelled, or set aside.
        """
        until = time.time() if expired_only else float("inf")
        left = "state = ? AND worker != ? AND lease_until < ? ORDER BY lane, worker, turn"
        with self._database.reading() as connection:
            if not rows.select(connection, left, State.RUNNING, worker, until):
                return []
        with self._database.writing() as connection:
            found = connection.execute(
                f"SELECT id, lane, worker, boot, cancelling, crashes FROM jobs WHERE {left}",  # noqa: S608
                (State.RUNNING, worker, until),
            ).fetchall()
            blamed: set[tuple[str, str]] = set()
            for job, lane, owner, boot, cancelling, crashes in found:
                guilty = boot == self._boot and (lane, owner) not in blamed
                blamed.add((lane, owner))
                if cancelling:
                    rows.end(connection, job, State.CANCELLED)
                elif guilty and crashes + 1 >= MAX_CRASHES:
                    rows.end(connection, job, State.SET_ASIDE, error=_DEADLY, hint=_DEADLY_HINT)
                else:
                    connection.execute(
                        f"UPDATE jobs SET state = ?, {rows.NOBODYS} WHERE id = ?",  # noqa: S608
                        (State.QUEUED, job),
                    )
                connection.execute("UPDATE jobs SET crashes = crashes + ? WHERE id = ?", (guilty, job))
            return [rows.get(connection, row[0]) for row in found]

    def cancelling(self) -> set[str]:
        """Ids of the running jobs that are to be cancelled."""
        with self._database.reading() as connection:
            found = connection.execute("SELECT id FROM jobs WHERE state = ? AND cancelling", (State.RUNNING,))
            return {job for (job,) in found}


def _alike(one: Job, other: Job) -> bool:
    return (one.kind, one.priority, one.spec.get("avatar")) == (other.kind, other.priority, other.spec.get("avatar"))
