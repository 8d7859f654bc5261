"""The guest's part: measures some of `PARTS`, large or small, and leaves what each finds as a fact.

    python -m tests.bench.flash_wear.inside large|small PART ...

What is measured is the same in both scales; the small one is for a test and says little about the cache, which needs
thousands of requests to show what it is.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.bench import traces
from tests.bench.flash_wear import box, budget, caches, logs, queue
from tests.board.inside.facts import Facts

RECORDED: Final = Path(traces.__file__).parent / "kiosk_day.jsonl.gz"
Note = Callable[[str, Any], None]
"""Takes a finding's name and the finding."""

_MB: Final = 1 << 20
_REQUESTS: Final = 6000


def cache(note: Note, *, small: bool) -> None:
    requests, capacity_mb = (1000, 8) if small else (_REQUESTS, 32)
    make = functools.partial(traces.drifting, requests, alive=250 if small else 1000)
    for name in caches.CACHES:
        note(name, caches.wear_of(name, make, capacity_mb=capacity_mb))


def large_cache(note: Note, *, small: bool) -> None:
    """Without reinsertion, where the volume, and with it UBIFS's journal, is larger."""
    make = functools.partial(traces.drifting, 600 if small else _REQUESTS)
    name = "segments_without_reinsertion"
    note(name, caches.wear_of(name, make, capacity_mb=100))


def other_traces(note: Note, *, small: bool) -> None:
    """Popularity that differs less, or changes ten times faster."""
    requests = 400 if small else 4000
    for name, skew, drift in (("even", 0.7, 0.02), ("fast", 1.0, 0.2)):
        make = functools.partial(traces.drifting, requests, skew=skew, drift=drift)
        note(name, {way: caches.wear_of(way, make, capacity_mb=32) for way in ("files", "segments")})


def recorded(note: Note, *, small: bool) -> None:
    """What rendering asked for, in a cache of a sixth of it, in a smaller and a larger one."""
    make = functools.partial(traces.recorded, RECORDED)
    for capacity_mb in (32,) if small else (32, 16, 64):
        ways = ("files", "diskcache", "segments") if capacity_mb == 32 else ("files", "segments")
        note(f"{capacity_mb} MB", {way: caches.wear_of(way, make, capacity_mb=capacity_mb) for way in ways})


def log(note: Note, *, small: bool) -> None:
    # The warm-up fills the log, at 4 KB in a block a second.
    lines, warm_up, total_bytes = (4000, 30_000, _MB // 2) if small else (20_000, 60_000, _MB)
    volume = {"total_bytes": total_bytes, "volume_mb": 12}
    note("line_per_fsync", logs.wear_of("line_per_fsync", warm_up=lines, measured=lines, **volume))
    lines = 60_000 if small else 200_000
    note("blocks", logs.wear_of("blocks", warm_up=warm_up, measured=lines, **volume))


def jobs(note: Note, *, small: bool) -> None:
    commits = 500 if small else 2000
    note("as_it_comes", queue.wear_of("as_it_comes", warm_up=1000, measured=commits, volume_mb=12))
    note("box", queue.wear_of("box", warm_up=2500, measured=2 * commits, volume_mb=12))


def whole_box(note: Note, *, small: bool) -> None:
    warm_up_s, measured_s = (20, 20) if small else (200, 400)
    for way in box.WAYS:
        note(way, box.wear_of(way, warm_up_s=warm_up_s, measured_s=measured_s))


def reopen(note: Note, *, small: bool) -> None:
    capacity_mb = 20 if small else 100
    note("20-600 KB", caches.reopened(capacity_mb, traces.length_of))
    note("20 KB", caches.reopened(capacity_mb, lambda _number: 20_000))


def daily_budget(note: Note, *, small: bool) -> None:
    days, requests_a_day = (1, 1000) if small else (2, 8640)
    note("days", budget.observed(days=days, requests_a_day=requests_a_day, target_mb=60))


PARTS: Final = {
    "cache": cache,
    "large_cache": large_cache,
    "other_traces": other_traces,
    "recorded": recorded,
    "logs": log,
    "queue": jobs,
    "box": whole_box,
    "reopen": reopen,
    "budget": daily_budget,
}


def main() -> None:
    facts, small = Facts(), sys.argv[1] == "small"
    for part in sys.argv[2:]:
        found: dict[str, Any] = {}

        def note(name: str, value: Any, part: str = part, found: dict[str, Any] = found) -> None:
            found[name] = value
            facts[part] = found

        PARTS[part](note, small=small)


if __name__ == "__main__":
    main()
