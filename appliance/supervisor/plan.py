"""What the supervisor is given: what follows from the settings, and what other rooms bring along."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from appliance.findings import Check
from appliance.storage.logs import Record
from appliance.supervisor.health.fixup import Fixup
from appliance.supervisor.spec import ChildSpec

Publish = Callable[[str, dict[str, Any] | None], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What follows from the settings. All plans have the same children; their arguments and limits may differ."""

    children: tuple[ChildSpec, ...]
    log_level: str = "INFO"
    log_total_bytes: int = 16 << 20


@dataclass(frozen=True, slots=True)
class Injected:
    """What other rooms bring along.

    `watchers` publish states from threads of their own; `serving` is told when a child is ready for the first time;
    `echo` is shown every record of the log.
    """

    checks: Sequence[Check] = ()
    fixups: Sequence[Fixup] = ()
    watchers: Sequence[Callable[[Publish], None]] = ()
    serving: Callable[[str], None] = lambda _: None
    echo: Callable[[Record], None] = lambda _: None
