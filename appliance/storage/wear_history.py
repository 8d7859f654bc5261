"""How the counters of wear grew: a small file on the state volume, one line at most every hour.

A sample is a moment and some counters by name, such as `{"ubi0.erases": 12345}`. The file has one line a sample, the
CRC-32 of the rest in hex before a JSON list `[unix seconds, {name: value}]`. Lines are appended without a sync, since
losing an hour's sample costs nothing and a sync costs flash; a line that a power cut tore is skipped. When the file has
grown beyond `_LARGEST` it is written anew, a good part smaller: all samples of two days, and one a day before these.

One writer, the supervisor; any process may read. A clock may be wrong for a while, behind (a box without a battery,
before the network gave it the time) or ahead. Nobody can tell which at that moment, so what it says is kept. Readers
leave out samples later than now, and of the others those that stand in the way of the longest history.
"""

from __future__ import annotations

import bisect
import contextlib
import itertools
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from appliance.storage import atomic
from appliance.volumes import Volumes

EVERY_S: Final = 3600.0
DAY_S: Final = 86_400.0
_LARGEST: Final = 64 * 1024
_THINNED: Final = 48 * 1024
"""What is written anew may have, so that some days pass before the next time."""
_DAYS: Final = 365
_HOURS: Final = 48


class Sample(NamedTuple):
    time: float
    counters: Mapping[str, float]


def path(volumes: Volumes) -> Path:
    return volumes.state / "wear.log"


def read(file: Path, now: float = math.inf) -> list[Sample]:
    """The sound samples until `now`, oldest first; none where there is no file."""
    return _increasing([sample for sample in _stored(file) if sample.time <= now])


def record(file: Path, sample: Sample) -> None:
    """Add a sample; `OSError` when the volume does not take it."""
    line = _encode(sample)
    if file.exists() and file.stat().st_size + len(line) > _LARGEST:
        atomic.write_bytes(file, _fitting(thinned(_increasing([*_stored(file), sample]))))
        return
    with file.open("ab+") as out:
        if out.tell():
            out.seek(-1, 2)
            if out.read(1) != b"\n":  # the line before was torn: it must not take this one with it
                line = b"\n" + line
        out.write(line)


def thinned(samples: Sequence[Sample]) -> list[Sample]:
    """The newest two days of hourly samples, and the first of each day before them, a year of such days."""
    days: dict[int, Sample] = {}
    for sample in samples[:-_HOURS]:
        days.setdefault(int(sample.time // DAY_S), sample)
    return [*list(days.values())[-_DAYS:], *samples[-_HOURS:]]


def growth(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """(how much a counter grew, in how many days) over the samples that have it.

    A counter that went back was started anew (a reboot, a new chip): what it lost is not counted.
    """
    having = [(sample.time, sample.counters[name]) for sample in samples if name in sample.counters]
    if len(having) < 2:
        return 0.0, 0.0
    pairs = itertools.pairwise(having)
    return sum(max(after[1] - before[1], 0) for before, after in pairs), (having[-1][0] - having[0][0]) / DAY_S


def _stored(file: Path) -> list[Sample]:
    """Every line that is whole, in the order that they were written in."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return []
    return [sample for sample in map(_decode, lines) if sample]


def _increasing(samples: Sequence[Sample]) -> list[Sample]:
    """As many of the samples as can be without a step back in time; of two that are as many, those that end earlier."""
    ends: list[float] = []
    """The time that the best run of so many samples ends at."""
    runs: list[_Run] = []
    for sample in samples:
        length = bisect.bisect_left(ends, sample.time)
        run = _Run(sample, runs[length - 1] if length else None)
        ends[length : length + 1] = [sample.time]
        runs[length : length + 1] = [run]
    found = []
    last = runs[-1] if runs else None
    while last:
        found.append(last.sample)
        last = last.before
    return found[::-1]


class _Run(NamedTuple):
    sample: Sample
    before: _Run | None


def _fitting(samples: Sequence[Sample]) -> bytes:
    """The lines of the newest of them, as many as there is room for."""
    lines = list(map(_encode, samples))
    sizes = itertools.accumulate(map(len, reversed(lines)))
    return b"".join(lines[len(lines) - sum(size <= _THINNED for size in sizes) :])


def _encode(sample: Sample) -> bytes:
    content = json.dumps([math.floor(sample.time), dict(sample.counters)], separators=(",", ":")).encode()
    return f"{zlib.crc32(content):08x} ".encode() + content + b"\n"


def _decode(line: bytes) -> Sample | None:
    crc, _, content = line.partition(b" ")
    if crc != f"{zlib.crc32(content):08x}".encode():
        return None
    with contextlib.suppress(ValueError, TypeError):
        moment, counters = json.loads(content)
        if isinstance(counters, dict) and math.isfinite(moment):
            return Sample(float(moment), counters)
    return None
