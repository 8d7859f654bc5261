"""What a child of the supervisor is: its command line, its deadlines, and what its control group may use."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """What a control group may use; 0 is no limit. Bytes, bytes a second; the weight is 1..10000, usually 100."""

    memory_high: int = 0
    cpu_weight: int = 100
    read_bps: int = 0
    write_bps: int = 0


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """A process that the supervisor looks after.

    It must be ready within `ready_s` of its start, beat at least every `beat_s` from then on, and end within `stop_s`
    of SIGTERM. One that is `on_demand` runs when asked and ends by itself; its end is no failure. Of the others, one
    that `stops_last` is told to stop when the rest are gone.
    """

    name: str
    argv: tuple[str, ...]
    ready_s: float = 60.0
    beat_s: float = 15.0
    stop_s: float = 5.0
    on_demand: bool = False
    stops_last: bool = False
    limits: Limits = field(default_factory=Limits)
