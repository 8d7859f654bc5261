"""How much one speaker may add to the log, which lies on flash: `_BYTES` of messages within `_WINDOW_S`.

What is over that is dropped, and how much it was is said when the next window begins.
"""

from __future__ import annotations

import time
from typing import Any, Final, Protocol

_WINDOW_S: Final = 10.0
_BYTES: Final = 256 << 10


class Log(Protocol):
    def __call__(
        self, level: str, part: str, message: str, fields: dict[str, Any] | None = None, t: float | None = None
    ) -> None: ...


class Allowance:
    """Hands records on to `log`, as long as `speaker` does not say too much."""

    def __init__(self, log: Log, speaker: str) -> None:
        self._log = log
        self._speaker = speaker
        self._start = 0.0
        self._room = self._dropped = 0

    def say(
        self, level: str, part: str, message: str, fields: dict[str, Any] | None = None, t: float | None = None
    ) -> None:
        now = time.monotonic()
        if now - self._start > _WINDOW_S:
            if self._dropped:
                self._log("WARNING", self._speaker, f"it said too much: {self._dropped} records were dropped")
            self._start, self._room, self._dropped = now, _BYTES, 0
        if len(message) > self._room:
            self._room = 0
            self._dropped += 1
        else:
            self._room -= len(message)
            self._log(level, part, message, fields, t)
