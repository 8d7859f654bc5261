"""What the cache counts, by kind and in all; the file `state` that carries it, ghosts and budget over a restart.

The file is one line with the CRC-32 of the rest in hex, then one JSON object. It is written when the cache is closed
and after every `STATE_EVERY` segments, so that it costs nothing beside them; a process that wants fresher numbers asks
the one that has the cache open. One that is missing or damaged costs what it held: counters begin at zero and no
ghost is known.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from appliance.storage.cache.folder import Folder

STATE: Final = "state"
STATE_EVERY: Final = 16
_LIMIT: Final = 64 * 1024 * 1024

KINDS: Final[Mapping[str, float]] = {
    "other": 1.0,
    "frame": 1.0,
    "landmarks": 4.0,
    "features": 2.0,
    "motion": 2.0,
    "fragment": 0.5,
}
"""The kinds of items and their weights: the probability of admission is the budget's times the weight. Over 1, an item
is admitted when it is first put, also to a full cache.

A segment stores a kind as its place in this table: new ones go to its end.
"""


@dataclass(slots=True)
class KindCounters:
    """Requests for items of one kind; bytes are those of the data."""

    hits: int = 0
    memory_hits: int = 0
    """Those of the hits that were in memory, not admitted to the volume."""
    hit_bytes: int = 0
    misses: int = 0
    puts: int = 0
    admitted: int = 0
    admitted_bytes: int = 0
    unknown: int = 0
    """Turned away because they were asked for once only."""
    over_budget: int = 0
    """Turned away because the flash has been written enough."""
    too_large: int = 0
    unwritable: int = 0
    """Turned away because the volume is read-only, full or gone, or another process writes."""


@dataclass(slots=True)
class Counters:
    """What happened to the cache as a whole."""

    file_bytes: int = 0
    """All that was written to the volume."""
    segments_written: int = 0
    segments_evicted: int = 0
    reinserted: int = 0
    reinserted_bytes: int = 0
    damaged: int = 0
    """Records that were not what was once put, and what is called like a segment without being a whole one."""
    read_errors: int = 0
    write_errors: int = 0
    kinds: dict[str, KindCounters] = field(default_factory=lambda: {kind: KindCounters() for kind in KINDS})

    def restore(self, stored: object) -> None:
        """Go on from what `asdict` gave; what makes no sense is ignored."""
        if not isinstance(stored, dict):
            return
        _restore(self, stored)
        kinds = stored.get("kinds")
        for kind, counters in self.kinds.items():
            if isinstance(kinds, dict) and isinstance(kinds.get(kind), dict):
                _restore(counters, kinds[kind])


def _restore(counters: Counters | KindCounters, stored: dict[str, Any]) -> None:
    for one in fields(counters):
        value = stored.get(one.name)
        if isinstance(value, int) and value >= 0 and one.name != "kinds":
            setattr(counters, one.name, value)


def with_totals(counters: Counters) -> dict[str, Any]:
    """The counters as JSON, with the sums over the kinds."""
    shown = asdict(counters)
    for one in fields(KindCounters):
        shown[one.name] = sum(getattr(kind, one.name) for kind in counters.kinds.values())
    return shown


def encode_state(state: Mapping[str, Any]) -> bytes:
    content = json.dumps(state, separators=(",", ":")).encode()
    return f"{zlib.crc32(content):08x}\n".encode() + content


def load_state(folder: Folder) -> dict[str, Any]:
    """The content of the state file; empty where there is none, or none that is sound."""
    try:
        crc, _, content = folder.read(STATE, 0, _LIMIT).partition(b"\n")
        if crc != f"{zlib.crc32(content):08x}".encode():
            return {}
        state = json.loads(content)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def read_statistics(path: Path) -> dict[str, Any]:
    """What `SegmentCache.stats` gave when the state in that folder was last written; empty where nothing was."""
    shown = load_state(Folder(path)).get("statistics")
    return shown if isinstance(shown, dict) else {}
