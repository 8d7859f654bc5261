"""Whether the cache keeps to its budget: simulated days, real bytes on the chip. Runs in the guest."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any, Final

from appliance.storage.budget import DAY_S, WriteBudget
from appliance.storage.cache import SegmentCache
from tests.bench import simulated_nand, traces
from tests.bench.flash_wear import caches

_MOUNT: Final = Path("/tmp/nand")  # noqa: S108


def observed(*, days: int, requests_a_day: int, target_mb: int, capacity_mb: int = 32) -> dict[str, Any]:
    """NAND bytes on each of the days, over the target; and what would have been admitted, over what was."""
    now = 0.0
    target = target_mb * 1_000_000
    with simulated_nand.volume(64, capacity_mb * 3 // 2, _MOUNT):
        budget = WriteBudget(target, clock=lambda: now)
        cache = SegmentCache(
            _MOUNT / "cache",
            capacity_mb * caches.MB,
            budget,
            leb_bytes=simulated_nand.LEB_BYTES,
            clock=lambda: now,
            chance=random.Random(1).random,  # noqa: S311
        )
        requests = list(traces.drifting(days * requests_a_day))
        asking = caches.Asking(cache, caches.noise_for(iter(requests))[0])
        ratios, before = [], simulated_nand.wear()
        for number, request in enumerate(requests, 1):
            if number % caches.BATCH == 0:
                simulated_nand.written_back()
            now += DAY_S / requests_a_day
            asking.ask(request)
            if number % requests_a_day == 0:
                after = simulated_nand.wear()
                ratios.append(round((after - before).programmed / target, 4))
                before = after
        stats = cache.stats()
        cache.close()
    return {
        "over_target": ratios,
        "target": target,
        "over_budget": stats["over_budget"],
        "admitted": stats["admitted"],
        "hit_ratio": round(asking.count["hits"] / asking.count["requests"], 4),
    }
