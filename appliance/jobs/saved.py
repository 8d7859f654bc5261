"""The finished videos' jobs as lines of JSON for a backup, and back.

A line is a row: {"id", "kind", "spec", "title", "created", "started", "finished", "result"}. Only what is done comes
back: unfinished work stays with the box that began it. Lines that are known already are left as they are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from appliance.errors import InputError
from appliance.jobs import rows
from appliance.jobs.database import Database
from appliance.jobs.job import ID, LANES, State
from appliance.jobs.store import JobStore

_KEPT: Final = ("id", "kind", "spec", "title", "created", "started", "finished", "result")


def lines(store: JobStore) -> bytes:
    """Every finished render, the oldest first."""
    done = store.list(states=[State.DONE], kind="render", limit=None)[::-1]
    return b"".join(json.dumps({name: getattr(job, name) for name in _KEPT}).encode() + b"\n" for job in done)


def adopt(path: Path, content: bytes) -> None:
    """Add the rows that `lines` made to the job database `path`."""
    try:
        found: list[dict[str, Any]] = [json.loads(line) for line in content.splitlines()]
        values = [_row(entry) for entry in found]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError("the list of videos cannot be read", hint="use another backup") from None
    database = Database(path, rows.MIGRATIONS)
    try:
        with database.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO jobs (id, kind, lane, spec, title, state, priority, created, started, finished, "
                "attempts, result) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?, ?, 1, ?)",
                values,
            )
    finally:
        database.close()


def _row(entry: dict[str, Any]) -> tuple[Any, ...]:
    if entry["kind"] != "render" or not ID.fullmatch(entry["id"]):
        raise ValueError(entry["kind"])
    spec, result = json.dumps(entry["spec"]), json.dumps(entry["result"])
    times = tuple(float(entry[name]) for name in ("created", "started", "finished"))
    return (entry["id"], "render", LANES["render"], spec, str(entry["title"]), State.DONE, *times, result)
