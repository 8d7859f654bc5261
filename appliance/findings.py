"""What a health check has to say: the one shape that every room's checks share.

A check is a function that yields findings. It lives in the room that knows the thing checked; the supervisor
(`appliance.supervisor.health`) runs checks from anywhere without knowing their rooms. Like the rest of the ground
floor this module imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How bad it is: `warning` is served worse than it could be, `problem` is not served."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `mouthpiece doctor`. `fix` says what to do and is empty only when there is nothing to do."""

    check: str
    status: Status
    message: str
    fix: str = ""
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A check by name. `run` may raise: an `ApplianceError` becomes a problem with the error's hint as its fix."""

    name: str
    run: Callable[[], Iterable[Finding]]
