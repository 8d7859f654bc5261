"""The cache of this box: where it lies, how large it is, and how much it may write a day.

    the cache volume is      capacity                       budget
    UBIFS, on raw NAND       `_SHARE` of the volume         what lets the chip last (`wear_model.daily_budget`), less
                                                            what the supervisor writes, which is the log
    anything else            `NOMINAL_BYTES`, less on a     none: such a disk levels its own wear and tells its own
                             small disk                     life (`disk_life`)

UBIFS keeps the rest of the volume for its index and for moving what it collects. The job database's commits, 7 kB of
NAND each as measured (51 erases per thousand), are not told apart from what the worker writes elsewhere and not
counted: a thousand jobs a day are less than a hundredth of the budget of the smallest chip.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.storage import ubi, wear_model, written
from appliance.storage.budget import Chip, WriteBudget
from appliance.storage.cache.cache import SegmentCache
from appliance.storage.cache.statistics import read_statistics
from appliance.volumes import Volumes

STATE: Final = "cache"
"""The published state with the statistics of the process that has the cache open."""
NOMINAL_BYTES: Final = 256 * 1024 * 1024
_LEAST_SHARE: Final = 20
"""Of a disk that is shared with everything else the cache takes a twentieth at most."""
_SHARE: Final = 0.9


def folder(volumes: Volumes) -> Path:
    return volumes.cache / "segments"


def opened(volumes: Volumes, *, supervisor: int | None = None, root: Path = Path("/")) -> SegmentCache:
    """Open it, as its writer if nobody else is; `supervisor` is the process whose writes count as the log's."""
    place = next((place for place in written.places(volumes, root) if place.volume == "cache"), None)
    device = None
    if place is not None and place.filesystem == "ubifs":
        device = next((device for device in ubi.devices(root) if device.name == place.device), None)
    if place is None or device is None:
        capacity = min(NOMINAL_BYTES, place.size // _LEAST_SHARE) if place else NOMINAL_BYTES
        return SegmentCache(folder(volumes), capacity)
    chip = Chip(device.blocks, device.block_bytes, wear_model.rated_cycles(root))
    mean = device.max_erases if device.mean_erases is None else device.mean_erases
    budget = WriteBudget(wear_model.daily_budget(chip, mean), others=_growing(supervisor, root) if supervisor else None)
    return SegmentCache(folder(volumes), round(place.size * _SHARE), budget, leb_bytes=device.leb_bytes)


def statistics(volumes: Volumes, states: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is counted: as published by the process that has it open, or as stored last; empty where nothing was."""
    return (states or {}).get(STATE) or read_statistics(folder(volumes))


def _growing(process: int, root: Path) -> Callable[[], int]:
    """The bytes that a process has written; of one that is gone, as many as when it was last seen."""
    seen = 0

    def count() -> int:
        nonlocal seen
        seen = max(seen, written.process_bytes(process, root) or 0)
        return seen

    return count
