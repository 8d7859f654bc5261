"""Do all of the box's processes run?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from appliance.findings import Finding, Status
from appliance.supervisor.health.fixup import Fixup

_CHECK = "processes"
_LOOK = "read why with `mouthpiece logs --level ERROR`"


def check(children: Sequence[dict[str, Any]]) -> Iterator[Finding]:
    """`children` as in the supervisor's status."""
    faults = 0
    for child in children:
        name, reason = child["name"], child["reason"]
        if child["state"] == "degraded":
            faults += 1
            fix = f"{_LOOK}; it is tried again now and then, or at once by the fix-up"
            yield Finding(_CHECK, Status.PROBLEM, f"{name} keeps failing: {reason}", fix)
        elif child["state"] == "waiting":
            faults += 1
            yield Finding(_CHECK, Status.WARNING, f"{name} failed and is started again: {reason}", _LOOK)
    if not faults:
        restarts = sum(child["restarts"] for child in children)
        yield Finding(_CHECK, Status.OK, f"{len(children)}, all well; restarts since the start: {restarts}")


def fixup(revive: Callable[[], str]) -> Fixup:
    return Fixup(_CHECK, "Starts the processes that keep failing again, now.", revive)
