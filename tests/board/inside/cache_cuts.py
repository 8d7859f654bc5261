"""Cut the power of a UBIFS volume under a working cache, again and again, and look at what is left each time."""

from __future__ import annotations

import random
import sys
from functools import cache
from pathlib import Path
from typing import Final

from appliance.storage.cache import SegmentCache
from tests.bench import simulated_nand
from tests.board.inside.facts import Facts

MOUNT: Final = Path("/mnt/cache")
UBI: Final = Path("/sys/kernel/debug/ubi/ubi0")
UBIFS: Final = Path("/sys/kernel/debug/ubifs/ubi0_0")
CAPACITY: Final = 8 * 1024 * 1024
ITEMS: Final = 120


@cache
def value(number: int, version: int) -> bytes:
    return random.Random(number * 1000 + version).randbytes(5_000 + number * 1_500)  # noqa: S311


def sound(cache: SegmentCache) -> int:
    """How many items are there; every one is what was once put."""
    found = 0
    for number in range(ITEMS):
        data = cache.get(str(number))
        if data is not None:
            assert data in (value(number, 0), value(number, 1)), f"a wrong value of item {number}"
            found += 1
    return found


def set_a_trap(cut: int, source: random.Random) -> None:
    if cut % 2:
        (UBIFS / "tst_recovery").write_text("1")
        return
    # Before an erase counter header (1) or a volume identifier header (2) is written, the so-manieth time.
    writes = source.randrange(1, 60)
    (UBI / "tst_emulate_power_cut_min").write_text(str(writes))
    (UBI / "tst_emulate_power_cut_max").write_text(str(writes + 1))
    (UBI / "tst_emulate_power_cut").write_text(str(source.choice([1, 2, 3])))


def main() -> None:
    facts = Facts()
    cuts = int(sys.argv[1])
    found, cut_off, admitted = [], 0, 0
    with simulated_nand.chip(64, 12):
        for cut in range(cuts):
            source = random.Random(cut)  # noqa: S311
            with simulated_nand.mounted(MOUNT):
                kept = SegmentCache(MOUNT / "segments", CAPACITY, leb_bytes=simulated_nand.LEB_BYTES)
                assert kept.stats()["problem"] == "", kept.stats()
                found.append(sound(kept))
                set_a_trap(cut, source)
                for _step in range(400):
                    number = source.randrange(ITEMS)
                    if kept.get(str(number)) is None or source.random() < 0.2:
                        admitted += kept.put(str(number), value(number, source.randrange(2)))
                    if kept.stats()["problem"]:
                        cut_off += 1
                        break
                sound(kept)
                kept.close()
            simulated_nand.attach_again()
            print(cut, found, cut_off, flush=True)
        with simulated_nand.mounted(MOUNT):
            kept = SegmentCache(MOUNT / "segments", CAPACITY, leb_bytes=simulated_nand.LEB_BYTES)
            found.append(sound(kept))
            for _time in range(2):
                admitted += kept.put("the last", b"one")
            facts["last"] = (kept.get("the last") or b"").decode()
            facts["stats"] = kept.stats()
            kept.close()
    facts["found"] = found
    facts["cut_off"] = cut_off
    facts["admitted"] = admitted


if __name__ == "__main__":
    main()
