"""A child process's line to its supervisor: records, readiness, heartbeats and states, one JSON object a line.

The supervisor gives a child the writing end of a pipe as a file descriptor named in `MOUTHPIECE_LINK`. Lines:

    {"k": "log", "t": unix seconds, "level": "INFO", "part": "render", "message": "...", "fields": {...}}
    {"k": "ready"}                     the child serves
    {"k": "beat"}                      the child's main loop turns; at least every `BEAT_S`
    {"k": "state", "name": "job:01j...", "value": {...}}     latest value of what people watch; null forgets it

A line is at most `MAX_LINE` bytes; one process writes, so lines never mix. A supervisor that reads slowly must not stop
the work: records that do not fit the pipe are dropped and counted, and the count is logged; of each state the latest
value is kept and comes with the next line.
Without a supervisor (`MOUTHPIECE_LINK` unset, a command in a terminal) records go to standard error, the rest nowhere.

Signals to a child: SIGTERM means finish in order; SIGPWR that power fails now: make durable what is at hand and leave.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from typing import Any, Final

VARIABLE: Final = "MOUTHPIECE_LINK"
BEAT_S: Final = 2.0
MAX_LINE: Final = 64 << 10
_MAX_TEXT: Final = 8000
"""Characters of a message that are kept."""


class Link:
    """The line to the supervisor, or to nobody. Thread-safe."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._dropped = 0
        self._late: dict[str, bytes] = {}
        """The latest value of each state that the pipe did not take: the next line brings them along."""
        self._rest = b""
        """What the pipe did not take of the last line that it took in part."""
        if descriptor is not None:
            os.set_blocking(descriptor, False)

    @classmethod
    def from_environment(cls) -> Link:
        """The link that the supervisor gave this process; the variable is taken so that no grandchild uses it."""
        given = os.environ.pop(VARIABLE, "")
        if given:
            os.set_inheritable(int(given), False)
        return cls(int(given) if given else None)

    @property
    def connected(self) -> bool:
        return self._descriptor is not None

    def ready(self) -> None:
        self._send({"k": "ready"})

    def beat(self) -> None:
        self._send({"k": "beat"})

    def state(self, name: str, value: dict[str, Any] | None) -> None:
        """Publish the latest value of something; None when it is over. The line must fit `MAX_LINE`."""
        self._send({"k": "state", "name": name, "value": value})

    def log(self, level: str, part: str, message: str, **fields: Any) -> None:
        """One record for people."""
        line = {"k": "log", "t": round(time.time(), 3), "level": level, "part": part, "message": message[:_MAX_TEXT]}
        self._send(line | ({"fields": fields} if fields else {}))

    def _send(self, line: dict[str, Any]) -> None:
        if self._descriptor is None:
            return
        data = _encode(line)
        if len(data) > MAX_LINE:
            what = f"the state {line['name']}" if line["k"] == "state" else "a record"
            data = _encode(_note(f"{what} of {len(data)} bytes is too long to tell"))
        with self._lock:
            if not self._write(self._rest):
                if line["k"] == "state":
                    self._late[line["name"]] = data
                else:
                    self._dropped += 1
                return
            if line["k"] == "state":
                self._late.pop(line["name"], None)
            late, self._late = b"".join(self._late.values()), {}
            if self._dropped:
                late += _encode(_note(f"{self._dropped} lines were dropped"))
                self._dropped = 0
            self._write(late + data)

    def _write(self, data: bytes) -> bool:
        """Write as much as the pipe takes now and keep the rest for the next time; whether all of it went."""
        self._rest = data
        try:
            while self._rest and self._descriptor is not None:
                self._rest = self._rest[os.write(self._descriptor, self._rest) :]
        except BlockingIOError:
            pass
        except OSError:  # the supervisor is gone; whoever starts the next one ends us
            self._descriptor, self._rest = None, b""
        return not self._rest


def _encode(line: dict[str, Any]) -> bytes:
    return json.dumps(line, separators=(",", ":"), ensure_ascii=False, default=str).encode(errors="replace") + b"\n"


def _note(message: str) -> dict[str, Any]:
    return {"k": "log", "t": round(time.time(), 3), "level": "WARNING", "part": "link", "message": message}


class LinkHandler(logging.Handler):
    """Sends the records of `logging` over a link; the logger's name without "appliance." is the part."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self._link = link

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
            if record.exc_info and record.exc_info[0] is not None:
                message += "\n" + logging.Formatter().formatException(record.exc_info)
            self._link.log(record.levelname, record.name.removeprefix("appliance."), message)
        except Exception:
            self.handleError(record)


def set_up_logging(link: Link, level: str = "INFO") -> None:
    """Send everything that this process logs over the link, or to standard error where there is none."""
    handler: logging.Handler = LinkHandler(link) if link.connected else logging.StreamHandler(sys.stderr)
    if not link.connected:
        handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
