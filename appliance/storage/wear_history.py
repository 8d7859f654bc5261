"""How the counters of wear grew: a small file on the state volume, one line at most every hour.

A sample is a moment and some counters by name, such as `{"ubi0.erases": 12345}`. The file has one line a sample, the
CRC-32 of the rest in hex before a JSON list `[unix seconds, {name: value}]`. Lines are appended without a sync, since
losing an hour's sample costs nothing and a sync costs flash; a line that a power cut tore is skipped. When the file has
grown beyond `_LARGEST` it is written anew with one sample a day for the past and every sample of the last two days.

One writer, the supervisor; any process may read. A clock that jumped back (a box without a battery, before the network
gave it the time) is a sample that is older than the one before it: it is not recorded.
"""

from __future__ import annotations

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
_DAYS: Final = 365
_HOURLY_DAYS: Final = 2


class Sample(NamedTuple):
    time: float
    counters: Mapping[str, float]


def path(volumes: Volumes) -> Path:
    return volumes.state / "wear.log"


def read(file: Path) -> list[Sample]:
    """Every sound sample, oldest first; none where there is no file."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return []
    samples: list[Sample] = []
    for line in lines:
        sample = _decode(line)
        if sample and (not samples or sample.time > samples[-1].time):
            samples.append(sample)
    return samples


def record(file: Path, sample: Sample) -> None:
    """Add a sample; `OSError` when the volume does not take it."""
    line = _encode(sample)
    if file.exists() and file.stat().st_size + len(line) > _LARGEST:
        atomic.write_bytes(file, b"".join(map(_encode, [*thinned(read(file), sample.time), sample])))
        return
    with file.open("ab+") as out:
        if out.tell():
            out.seek(-1, 2)
            if out.read(1) != b"\n":  # the line before was torn: it must not take this one with it
                line = b"\n" + line
        out.write(line)


def thinned(samples: Sequence[Sample], now: float) -> list[Sample]:
    """The newest two days' samples, and the first of each day of the last year before them."""
    kept: dict[int, Sample] = {}
    recent = []
    for sample in samples:
        age = now - sample.time
        if age <= _HOURLY_DAYS * DAY_S:
            recent.append(sample)
        elif age <= _DAYS * DAY_S:
            kept.setdefault(int(sample.time // DAY_S), sample)
    return [*kept.values(), *recent]


def growth(samples: Sequence[Sample], name: str) -> tuple[float, float]:
    """(how much a counter grew, in how many days) over the samples that have it.

    A counter that went back was started anew (a reboot, a new chip): what it lost is not counted.
    """
    having = [(sample.time, sample.counters[name]) for sample in samples if name in sample.counters]
    if len(having) < 2:
        return 0.0, 0.0
    pairs = itertools.pairwise(having)
    return sum(max(after[1] - before[1], 0) for before, after in pairs), (having[-1][0] - having[0][0]) / DAY_S


def _encode(sample: Sample) -> bytes:
    content = json.dumps([round(sample.time), dict(sample.counters)], separators=(",", ":")).encode()
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
