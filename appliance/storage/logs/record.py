"""A log record, its line of JSON, and what a reader asks for.

A line is `[id, t, level, part, message]` or `[id, t, level, part, message, fields]`, at most `MAX_LINE` bytes; what is
longer loses its fields and then the end of its message. Levels are those of `logging`; an unknown one counts as INFO.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any, Final

MAX_LINE: Final = 16 * 1024
_LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
ERROR: Final = _LEVELS["ERROR"]


def severity(level: str) -> int:
    """A level's rank; those of `logging`, 10 to 50."""
    return _LEVELS.get(level.upper(), _LEVELS["INFO"])


@dataclass(frozen=True, slots=True)
class Record:
    """`id` increases strictly, also across restarts, with gaps; `t` is Unix time in seconds."""

    id: int
    t: float
    level: str
    part: str
    message: str
    fields: dict[str, Any] | None = None

    def line(self) -> bytes:
        values = [self.id, self.t, self.level, self.part, self.message]
        if self.fields:
            values.append(self.fields)
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), default=str, skipkeys=True)
        # A lone surrogate, from a file name that is not UTF-8, becomes an escape that JSON knows.
        return text.encode("utf-8", "backslashreplace")

    def fitted(self) -> Record:
        """This record, or as much of it as fits a line."""
        if len(self.line()) <= MAX_LINE:
            return self
        part, message = self.part[:100], self.message[: MAX_LINE // 8]
        return dataclasses.replace(self, part=part, message=message + " (cut)", fields=None)


def from_line(line: bytes) -> Record:
    return Record(*json.loads(line))


@dataclass(frozen=True, slots=True)
class Query:
    """Which records: `since` <= t < `until`, id > `after`, at least `level`, of `part` or a part of it ("jobs" has
    "jobs.worker")."""

    since: float | None = None
    until: float | None = None
    after: int | None = None
    level: str | None = None
    part: str | None = None

    def matches(self, record: Record) -> bool:
        return (
            self.may_match(record.t, record.t, record.id, severity(record.level))
            and (self.part is None or f"{record.part}.".startswith(f"{self.part}."))
        )  # fmt: skip

    def may_match(self, earliest: float, latest: float, last_id: int, highest: int) -> bool:
        """Whether records in these bounds can be among those asked for."""
        return (
            (self.since is None or latest >= self.since)
            and (self.until is None or earliest < self.until)
            and (self.after is None or last_id > self.after)
            and (self.level is None or highest >= severity(self.level))
        )
