"""Cut the power of a UBIFS volume under a working cache, again and again, and look at what is left each time."""

from __future__ import annotations

import os
import random
import sys
from functools import cache
from pathlib import Path
from typing import Final

from appliance.storage.cache import SegmentCache
from tests.bench import simulated_nand
from tests.board.inside import power
from tests.board.inside.facts import Facts

MOUNT: Final = Path("/mnt/cache")
CAPACITY: Final = 4 * 1024 * 1024
ITEMS: Final = 100
STEPS: Final = 10_000
"""Far more than it takes to write so many headers as a cut is set to."""


@cache
def value(number: int, version: int) -> bytes:
    return random.Random(number * 1000 + version).randbytes(5_000 + number * 750)  # noqa: S311


def opened() -> SegmentCache:
    kept = SegmentCache(MOUNT / "segments", CAPACITY, leb_bytes=simulated_nand.LEB_BYTES)
    assert kept.stats()["problem"] == "", kept.stats()
    return kept


def sound(kept: SegmentCache) -> int:
    """How many items are there; every one is what was once put."""
    found = 0
    for number in range(ITEMS):
        data = kept.get(str(number))
        if data is not None:
            assert data in (value(number, 0), value(number, 1)), f"a wrong value of item {number}"
            found += 1
    return found


def use(kept: SegmentCache, source: random.Random) -> None:
    number = source.randrange(ITEMS)
    if kept.get(str(number)) is None or source.random() < 0.2:
        kept.put(str(number), value(number, source.randrange(2)))


def cut_at_header(source: random.Random) -> int:
    """Use the cache until the power goes at a header; how many items it had."""
    with simulated_nand.mounted(MOUNT):
        kept = opened()
        found = sound(kept)
        power.cut_at_header(source.choice(list(power.HEADERS)), source.randrange(1, 60))
        for _step in range(STEPS):
            use(kept, source)
            if power.is_cut():
                break
        assert power.is_cut(), f"{STEPS} steps wrote too few headers"
        sound(kept)
        kept.close()
    return found


def cut_at_node(source: random.Random) -> int:
    """Use the cache until the power goes at one of UBIFS's own writes; how many items it had."""
    for _draw in range(power.DRAWS):
        with simulated_nand.mounted(MOUNT):
            kept = opened()
            found = sound(kept)
            power.cut_at_node()
            for _commit in range(power.DRAW):
                use(kept, source)
                os.sync()
                if power.is_cut():
                    break
            cut = power.is_cut()
            sound(kept)
            kept.close()
        if cut:
            return found
    raise AssertionError(f"{power.DRAWS} draws of {power.DRAW} commits brought no power cut")


def main() -> None:
    facts = Facts()
    found = []
    with simulated_nand.chip(64, 12):
        for cut in range(int(sys.argv[1])):
            source = random.Random(cut)  # noqa: S311
            found.append((cut_at_node if cut % 2 else cut_at_header)(source))
            simulated_nand.attach_again()
            facts["found"] = found
        with simulated_nand.mounted(MOUNT), opened() as kept:
            sound(kept)
            for _time in range(2):
                kept.put("the last", b"one")
            facts["last"] = (kept.get("the last") or b"").decode()
            facts["stats"] = kept.stats()


if __name__ == "__main__":
    main()
