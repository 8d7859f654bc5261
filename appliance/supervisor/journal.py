"""The box's log as the supervisor, its single writer, keeps it, and those who follow it.

`log` only touches memory; storing is done on a thread (`appliance.storage.logs` says when), so that a hanging disk
stops nothing. The newest `TAIL` records are at hand on the loop, so that following the log costs no reads; who asks for
older ones, or falls behind so far, is served from memory and disk on a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from appliance.storage.logs import LogWriter, Query, Record
from appliance.storage.logs.record import severity
from appliance.supervisor.pulse import Pulse
from appliance.supervisor.threads import in_thread

TAIL: Final = 1000
PAGE: Final = 500
_TICK_S: Final = 0.1


class Journal:
    def __init__(self, folder: Path, total_bytes: int, echo: Callable[[Record], None]) -> None:
        """`echo` is shown every record."""
        self.level = "INFO"
        self.arrived = Pulse()
        self._echo = echo
        self._writer = LogWriter(folder, total_bytes=total_bytes)
        self._tail: deque[Record] = deque(maxlen=TAIL)
        self._closing = threading.Event()
        threading.Thread(target=self._store, name="journal", daemon=True).start()

    @property
    def last_id(self) -> int:
        """Of the newest record since the start."""
        return self._tail[-1].id if self._tail else 0

    def log(
        self, level: str, part: str, message: str, fields: dict[str, Any] | None = None, t: float | None = None
    ) -> None:
        """Take one record, unless it is below `level`."""
        if severity(level) >= severity(self.level):
            record = self._writer.append(level, part, message, t, fields)
            self._tail.append(record)
            self._echo(record)
            self.arrived.fire()

    async def flush(self, deadline_s: float) -> bool:
        """Make durable what was logged so far; False when the disk refuses or takes longer than the deadline."""
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(in_thread(self._writer.flush), deadline_s)
        return False

    async def close(self, deadline_s: float) -> None:
        """The last flush; a disk that hangs longer than the deadline keeps what it has."""
        self._closing.set()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(in_thread(self._writer.close), deadline_s)

    async def newest(self, query: Query, limit: int) -> list[Record]:
        """The newest matching records until now, oldest first."""
        now = self.last_id
        found = await in_thread(lambda: list(self._writer.history(query, limit=limit, newest_first=True)))
        return [record for record in found[::-1] if record.id <= now]

    async def page(self, query: Query, after: int) -> tuple[list[Record], int]:
        """Some matching records after that id, in order, and the id to go on from. The same id again: no more."""
        if self._tail and after + 1 < self._tail[0].id:
            last = self.last_id
            older = replace(query, after=after)
            found = await in_thread(lambda: list(self._writer.history(older, limit=PAGE)))
            return found, found[-1].id if len(found) == PAGE else max(last, found[-1].id if found else 0)
        fresh = [record for record in self._tail if record.id > after][:PAGE]
        return [record for record in fresh if query.matches(record)], fresh[-1].id if fresh else after

    def _store(self) -> None:
        while not self._closing.wait(_TICK_S):
            self._writer.tick()
