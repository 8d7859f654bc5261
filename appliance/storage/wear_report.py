"""All that is known of the wear of this box's storage, as one JSON value: the supervisor's state "storage".

The page, the API, `/metrics`, the health check and `mouthpiece storage status` all show this value:

    time         unix seconds
    days         days of history that there are
    nand         UBI devices: what `ubi.UbiDevice` has, and `mean_erases`, `cycles`, `used_percent`, `histogram`, `map`
                 (both of `erase_counts`), `bytes_per_day`, `budget_bytes_per_day`, `forecast`, `curve`
    disks        what `disk_life.DiskLife` has, and `forecast`
    places       volumes: what `written.Place` has, and `bytes_per_day` written to the disk below, None where unknown
    writers      `name`, `bytes`, `bytes_per_day` of each process of the box over the last `WRITERS_DAYS`, most first
    advice       findings, as `appliance.findings`: `check`, `status`, `message`, `fix`

`forecast` has the fields of `wear_model.Forecast`; `curve` is (unix seconds, mean erase counter), a point a day at
most. A NAND without debugfs tells only its most worn block, which then stands for the mean: the forecast errs on the
safe side.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from appliance.storage import disk_life, erase_counts, ubi, wear_advice, wear_history, wear_model, written
from appliance.storage.budget import LEVELLING, Chip
from appliance.storage.wear_history import Sample, growth
from appliance.volumes import Volumes

RECENT_DAYS: Final = 90.0
"""The load that the forecast goes by."""
WRITERS_DAYS: Final = 7.0
_POINTS: Final = 60


@dataclass(frozen=True, slots=True)
class Look:
    """What the system tells at one moment."""

    time: float
    nand: list[ubi.UbiDevice]
    disks: list[disk_life.DiskLife]
    places: list[written.Place]
    disk_bytes: dict[str, int]
    cycles: int
    """What a block of this box's NAND endures."""


def look(volumes: Volumes, root: Path = Path("/")) -> Look:
    return Look(
        time.time(),
        ubi.devices(root),
        disk_life.disks(root),
        written.places(volumes, root),
        written.disk_bytes(root),
        wear_model.rated_cycles(root),
    )


def counters(seen: Look, writers: Mapping[str, float] | None = None) -> dict[str, float]:
    """What the history keeps of a look; `writers` are bytes written so far by process."""
    kept: dict[str, float] = {}
    for device in seen.nand:
        kept[f"{device.name}.erases"] = round(_mean(device) * device.blocks)
    for disk in seen.disks:
        if disk.used_low is not None and disk.used_high is not None:
            kept |= {f"{disk.name}.low": disk.used_low, f"{disk.name}.high": disk.used_high}
    for place in seen.places:
        if place.device in seen.disk_bytes:
            kept[f"{place.device}.bytes"] = seen.disk_bytes[place.device]
    return kept | {f"by:{name}": number for name, number in (writers or {}).items()}


def now(volumes: Volumes, root: Path = Path("/")) -> dict[str, Any]:
    """The report of this moment, for a box whose supervisor does not run: without writers."""
    seen = look(volumes, root)
    samples = wear_history.read(wear_history.path(volumes), seen.time)
    return report(seen, [*samples, Sample(seen.time, counters(seen))])


def report(seen: Look, samples: Sequence[Sample]) -> dict[str, Any]:
    """The value described above. The newest sample is of the look itself."""
    samples = [sample for sample in samples if seen.time - sample.time <= RECENT_DAYS * wear_history.DAY_S]
    value: dict[str, Any] = {
        "time": seen.time,
        "days": round((seen.time - samples[0].time) / wear_history.DAY_S, 3) if samples else 0.0,
        "nand": [_nand(device, samples, seen.cycles) for device in seen.nand],
        "disks": [asdict(disk) | {"forecast": asdict(_disk_forecast(disk, samples))} for disk in seen.disks],
        "places": [
            asdict(place) | {"bytes_per_day": _per_day(samples, f"{place.device}.bytes")} for place in seen.places
        ],
        "writers": _writers([sample for sample in samples if seen.time - sample.time <= WRITERS_DAYS * 86_400]),
    }
    advice = [asdict(finding) | {"status": finding.status.value} for finding in wear_advice.findings(value)]
    return value | {"advice": advice}


def _nand(device: ubi.UbiDevice, samples: Sequence[Sample], cycles: int) -> dict[str, Any]:
    chip = Chip(device.blocks, max(device.block_bytes, 1), cycles)
    name = f"{device.name}.erases"
    erased, days = growth(samples, name)
    forecast = wear_model.forecast(chip, mean_erases=_mean(device), erased=erased, days=days)
    shown = asdict(device)
    del shown["counters"]
    return shown | {
        "mean_erases": device.mean_erases,
        "cycles": cycles,
        "used_percent": 100 * _mean(device) / (cycles * LEVELLING),
        "histogram": erase_counts.histogram(device.counters),
        "map": erase_counts.wear_map(device.counters, device.blocks + device.bad_blocks) if device.counters else None,
        "bytes_per_day": erased * device.block_bytes / days if days >= 1 else None,
        "budget_bytes_per_day": wear_model.daily_budget(chip, _mean(device)),
        "forecast": asdict(forecast),
        "curve": _curve(samples, name, device.blocks),
    }


def _mean(device: ubi.UbiDevice) -> float:
    return device.max_erases if device.mean_erases is None else device.mean_erases


def _curve(samples: Sequence[Sample], name: str, blocks: int) -> list[tuple[int, float]]:
    """A point a day at most, `_POINTS` in all, and the newest."""
    having = [sample for sample in samples if name in sample.counters]
    days = {int(sample.time // wear_history.DAY_S): sample for sample in having}
    points = list(days.values())
    step = -(-len(points) // _POINTS) or 1
    return [(round(s.time), round(s.counters[name] / max(blocks, 1), 3)) for s in points[::-1][::step][::-1]]


def _disk_forecast(disk: disk_life.DiskLife, samples: Sequence[Sample]) -> wear_model.Forecast:
    if disk.used_low is None or disk.used_high is None:
        return wear_model.Forecast(None, None, None, "unknown", 0.0)
    now = (float(disk.used_low), float(disk.used_high))
    if disk.hours is not None:
        return wear_model.by_share(now, days=disk.hours / 24, basis="power-on")
    first = next((sample for sample in samples if f"{disk.name}.low" in sample.counters), None)
    if first is None:
        return wear_model.Forecast(None, None, None, "unknown", 0.0)
    before = (first.counters[f"{disk.name}.low"], first.counters[f"{disk.name}.high"])
    return wear_model.by_share(now, before=before, days=(samples[-1].time - first.time) / wear_history.DAY_S)


def _per_day(samples: Sequence[Sample], name: str) -> float | None:
    grown, days = growth(samples, name)
    return grown / days if days >= 1 / 24 else None


def _writers(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    names = {name for sample in samples for name in sample.counters if name.startswith("by:")}
    found = []
    for name in names:
        grown, days = growth(samples, name)
        per_day = grown / days if days >= 1 / 24 else None
        found.append({"name": name.removeprefix("by:"), "bytes": round(grown), "bytes_per_day": per_day})
    return sorted(found, key=lambda writer: (-writer["bytes"], writer["name"]))
