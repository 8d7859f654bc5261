"""A whole box on one chip: five requests, 200 lines and one commit a second. Runs in the guest."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Final

from tests.bench import simulated_nand, traces
from tests.bench.flash_wear import caches, logs, queue

REQUESTS_A_SECOND: Final = 5
_CACHE_AT, _STATE_AT = Path("/tmp/nand/cache"), Path("/tmp/nand/state")  # noqa: S108
_LOG_BYTES: Final = 2 << 20
_VOLUMES_MB: Final = (44, 14)

WAYS: Final = {"obvious": ("files", "line_per_fsync", "as_it_comes"), "box": ("segments", "blocks", "box")}
"""Which cache, log and queue."""


def wear_of(way: str, *, warm_up_s: int, measured_s: int, capacity_mb: int = 32) -> dict[str, float]:
    """What so many seconds cost after the caches have been filled."""
    cache_way, log_way, queue_way = WAYS[way]
    requests = list(traces.drifting((warm_up_s + measured_s) * REQUESTS_A_SECOND))
    noise, mean_bytes = caches.noise_for(iter(requests))
    asked, logged = iter(requests), logs.lines()
    with (
        simulated_nand.chip(64, *_VOLUMES_MB),
        simulated_nand.mounted(_CACHE_AT),
        simulated_nand.mounted(_STATE_AT, "state"),
        queue.opened(queue_way, _STATE_AT / "jobs.sqlite") as jobs,
    ):
        cache = caches.CACHES[cache_way](_CACHE_AT / "cache", capacity_mb * caches.MB, mean_bytes)
        log = logs.LOGS[log_way](_STATE_AT / "log", _LOG_BYTES)
        asking = caches.Asking(cache, noise)
        before = simulated_nand.wear()
        for second in range(warm_up_s + measured_s):
            if second == warm_up_s:
                before = simulated_nand.wear()
                asking = caches.Asking(cache, noise)
            elif second % (caches.BATCH // REQUESTS_A_SECOND) == 0:
                simulated_nand.written_back()
            for request in itertools.islice(asked, REQUESTS_A_SECOND):
                asking.ask(request)
            for line in itertools.islice(logged, logs.LINES_A_SECOND):
                log.write(*line)
            jobs.step()
        wear = simulated_nand.wear() - before
        cache.close()
        log.close()
    return {
        "seconds": measured_s,
        "erases": wear.erases,
        "programmed": wear.programmed,
        "hit_ratio": round(asking.count["hits"] / asking.count["requests"], 4),
        "erases_an_hour": round(wear.erases / measured_s * 3600),
    }
