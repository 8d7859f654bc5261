"""The latest value of everything that people watch, by name, with event ids that survive a reconnect.

A value gets the next number when it is published; an event's id is "EPOCH-NUMBER", where the epoch is drawn anew with
each supervisor. Who watches keeps only the number seen last and is given, in order, the latest value of each name
published since: nothing is queued for a slow reader, who misses values in between but never the last one. A value of
None says that the thing is over. The newest `KEPT` names are kept.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any, Final

from appliance.supervisor.pulse import Pulse

KEPT: Final = 500
_JOBS: Final = "job:"
"""The only kind of name without end; the others are a handful, and are never dropped."""


class States:
    def __init__(self) -> None:
        self._epoch = secrets.token_hex(4)
        self._number = 0
        self._values: OrderedDict[str, tuple[int, dict[str, Any] | None]] = OrderedDict()
        self.changed = Pulse()

    def publish(self, name: str, value: dict[str, Any] | None) -> None:
        self._number += 1
        self._values[name] = (self._number, value)
        self._values.move_to_end(name)
        if len(self._values) > KEPT:
            oldest = next((known for known in self._values if known.startswith(_JOBS)), next(iter(self._values)))
            del self._values[oldest]
        self.changed.fire()

    def get(self, name: str) -> dict[str, Any] | None:
        return self._values.get(name, (0, None))[1]

    def all(self) -> dict[str, dict[str, Any]]:
        """What is, without what is over."""
        return {name: value for name, (_, value) in self._values.items() if value is not None}

    def seen(self, event_id: str | None) -> int:
        """The number to go on from for somebody who last saw this event; 0, the whole, for an id of other times."""
        epoch, _, number = (event_id or "").rpartition("-")
        if epoch != self._epoch or not (number.isascii() and number.isdigit()):
            return 0
        return min(int(number), self._number)

    def since(self, number: int) -> list[tuple[int, dict[str, Any]]]:
        """(number, event) of all that is newer; somebody who knows nothing is not told what is over."""
        newer = []
        for name, (at, value) in reversed(self._values.items()):
            if at <= number:
                break
            if value is not None or number:
                newer.append((at, {"id": f"{self._epoch}-{at}", "name": name, "value": value}))
        return newer[::-1]
