"""The table under the queue, and its rows as `Job`s."""

from __future__ import annotations

import json
import sqlite3
import time
from typing import Any, Final

from appliance.errors import InputError
from appliance.jobs.job import Job, State

MIGRATIONS: Final = (
    """
    CREATE TABLE jobs (
        n INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, lane TEXT NOT NULL, spec TEXT NOT NULL,
        title TEXT NOT NULL, state TEXT NOT NULL, priority INTEGER NOT NULL, key TEXT UNIQUE,
        created REAL NOT NULL, started REAL, finished REAL,
        attempts INTEGER NOT NULL DEFAULT 0, crashes INTEGER NOT NULL DEFAULT 0,
        lease_until REAL, worker TEXT, boot TEXT, turn INTEGER,
        cancelling INTEGER NOT NULL DEFAULT 0, not_before REAL NOT NULL DEFAULT 0, pauses INTEGER NOT NULL DEFAULT 0,
        error TEXT, hint TEXT, result TEXT
    );
    CREATE INDEX jobs_by_state ON jobs (state, lane, priority DESC, n)
    """,
)
_FIELDS: Final = (
    "id, kind, spec, title, state, priority, key, created, started, finished, attempts, crashes, lease_until, worker, "
    "cancelling, error, hint, result"
)
# What every attempt leaves behind, however it ends.
NOBODYS: Final = "worker = NULL, boot = NULL, turn = NULL, lease_until = NULL"


class NoSuchJobError(InputError):
    """There is no job of that id."""

    def __init__(self, job: str) -> None:
        super().__init__(f"there is no job {job}", hint="see `mouthpiece jobs list`")


def end(connection: sqlite3.Connection, job: str, state: State, **values: str | None) -> None:
    """Finish an attempt, or a waiting job. What is over stays as it is."""
    fields = "".join(f", {name} = ?" for name in values)
    connection.execute(
        f"UPDATE jobs SET state = ?, finished = ?, cancelling = 0, {NOBODYS}{fields} "  # noqa: S608
        f"WHERE id = ? AND state IN (?, ?)",
        (state, time.time(), *values.values(), job, State.QUEUED, State.RUNNING),
    )


def get(connection: sqlite3.Connection, job: str) -> Job:
    if found := first(connection, "id = ?", job):
        return found
    raise NoSuchJobError(job)


def first(connection: sqlite3.Connection, condition: str, *values: Any) -> Job | None:
    return next(iter(select(connection, condition, *values)), None)


def select(connection: sqlite3.Connection, condition: str, *values: Any) -> list[Job]:
    return [_job(row) for row in connection.execute(f"SELECT {_FIELDS} FROM jobs WHERE {condition}", values)]  # noqa: S608


def _job(row: tuple[Any, ...]) -> Job:
    values = dict(zip(_FIELDS.split(", "), row, strict=True))
    values["spec"] = json.loads(values["spec"])
    values["result"] = json.loads(values["result"]) if values["result"] is not None else None
    values["state"] = State(values["state"])
    values["cancelling"] = bool(values["cancelling"])
    return Job(**values)
