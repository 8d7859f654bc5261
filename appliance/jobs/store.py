"""The durable queue: one SQLite file that the console, the command line and the worker share.

`submit` returns when the job would survive a power cut. What the worker does with it is in `appliance.jobs.attempts`.
Times are Unix seconds, ids as `appliance.jobs.job.ID` has them. Errors: `NoSuchJobError` for an unknown id,
`InputError` for a request that the job's state forbids, `UnhealthyError` for a database that cannot be used.
"""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from appliance.errors import InputError
from appliance.jobs import rows
from appliance.jobs.attempts import Attempts
from appliance.jobs.database import Database
from appliance.jobs.job import LANES, OVER, Job, State, check_request, new_id

MAX_PRIORITY: Final = 100
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")
_Jobs = list[Job]


class JobStore(Attempts):
    """The queue in the file `path`. Thread-safe, and safe among processes."""

    def __init__(self, path: Path, *, boot: str | None = None) -> None:
        super().__init__(Database(path, rows.MIGRATIONS), boot or _BOOT_ID.read_text().strip())

    def submit(
        self, kind: str, spec: Mapping[str, Any], *, title: str = "", priority: int = 0, key: str | None = None
    ) -> Job:
        """Queue a job; with a `key` that was used before, nothing happens and the job of that key is returned."""
        check_request(kind, spec, title)
        if not -MAX_PRIORITY <= priority <= MAX_PRIORITY:
            raise InputError(f"the priority is {priority}", hint=f"give -{MAX_PRIORITY} to {MAX_PRIORITY}")
        values = (new_id(), kind, LANES[kind], json.dumps(spec), title, State.QUEUED, priority, key, time.time())
        with self._database.writing() as connection:
            if key is not None and (known := rows.first(connection, "key = ?", key)):
                return known
            connection.execute(
                "INSERT INTO jobs (id, kind, lane, spec, title, state, priority, key, created) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        return self.get(values[0])

    def by_key(self, key: str) -> Job | None:
        """The job that was submitted with this idempotency key."""
        with self._database.reading() as connection:
            return rows.first(connection, "key = ?", key)

    def list(
        self,
        *,
        states: Collection[str] | None = None,
        before: str | None = None,
        limit: int | None = 50,
        kind: str | None = None,
    ) -> _Jobs:
        """The newest jobs first; `before` the id of the last one already seen."""
        conditions: list[str] = ["1"]
        values: list[Any] = []
        if states is not None:
            conditions.append(f"state IN ({', '.join('?' * len(states))})")
            values += [str(state) for state in states]
        if kind is not None:
            conditions.append("kind = ?")
            values.append(kind)
        if before is not None:
            conditions.append("n < (SELECT n FROM jobs WHERE id = ?)")
            values.append(before)
        condition = f"{' AND '.join(conditions)} ORDER BY n DESC LIMIT ?"
        with self._database.reading() as connection:
            return rows.select(connection, condition, *values, -1 if limit is None else limit)

    def counts(self) -> dict[str, int]:
        """How many jobs are in each state, zeros included."""
        with self._database.reading() as connection:
            found = dict(connection.execute("SELECT state, count(*) FROM jobs GROUP BY state"))
        return {str(state): found.get(state, 0) for state in State}

    def cancel(self, job: str) -> Job:
        """Call a job off: at once while it waits; the worker stops a running one within a second."""
        with self._database.writing() as connection:
            known = rows.get(connection, job)
            if known.state == State.QUEUED:
                rows.end(connection, job, State.CANCELLED)
            elif known.state == State.RUNNING:
                connection.execute("UPDATE jobs SET cancelling = 1 WHERE id = ?", (job,))
            elif known.state != State.CANCELLED:
                raise InputError(f"the job {job} is over: {known.state}", hint="only unfinished jobs can be cancelled")
        return self.get(job)

    def retry(self, job: str) -> Job:
        """Queue a job again that failed, was cancelled or was set aside; a queued one waits for nothing any more."""
        with self._database.writing() as connection:
            known = rows.get(connection, job)
            if known.state == State.DONE:
                raise InputError(f"the job {job} is done", hint="submit a new one to make it again")
            if known.state in OVER:
                connection.execute(
                    "UPDATE jobs SET state = ?, crashes = 0, cancelling = 0, not_before = 0, pauses = 0, "
                    "started = NULL, finished = NULL, error = NULL, hint = NULL WHERE id = ?",
                    (State.QUEUED, job),
                )
            elif known.state == State.QUEUED:
                connection.execute("UPDATE jobs SET not_before = 0, pauses = 0 WHERE id = ?", (job,))
        return self.get(job)

    def check_over(self, job: str) -> None:
        """Raise `InputError` for a job of which something is still to come; and what `remove` would raise."""
        with self._database.writing() as connection:
            _check_over(rows.get(connection, job))

    def remove(self, job: str) -> None:
        """Forget a job that is over. Its files are the caller's, see `appliance.jobs.retention.remove`."""
        with self._database.writing() as connection:
            _check_over(rows.get(connection, job))
            connection.execute("DELETE FROM jobs WHERE id = ?", (job,))

    def uploads_in_use(self) -> set[str]:
        """Ids of the uploads that jobs still need, those set aside included."""
        return {upload for spec in self._specs() for upload in _uploads(spec)}

    def avatars_in_use(self) -> set[str]:
        """Names of the avatars that jobs still need."""
        return {spec["avatar"] for spec in self._specs() if isinstance(spec.get("avatar"), str)}

    def _specs(self) -> Iterable[dict[str, Any]]:
        states = (State.QUEUED, State.RUNNING, State.SET_ASIDE)
        return (job.spec for job in self.list(states=states, limit=None))

    def version(self) -> tuple[int, int]:
        """Differs from what this thread was told before if anything changed meanwhile. Reads no page."""
        return self._database.version()

    def check(self) -> None:
        """Read the whole file; a damaged one is set aside, and a new one begun."""
        self._database.check()

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()


def _check_over(job: Job) -> None:
    if job.state not in OVER:
        raise InputError(f"the job {job.id} is {job.state}", hint="cancel it first")


def _uploads(spec: dict[str, Any]) -> Iterable[str]:
    if isinstance(direct := spec.get("upload"), str):
        yield direct
    for value in spec.values():
        if isinstance(value, dict) and isinstance(inner := value.get("upload"), str):
            yield inner
