"""Cut the power of the box's flash under each of its stores, again and again, and look at what is left each time.

    python -m tests.board.inside.power_cuts HEADER_CUTS NODE_CUTS

So many of each kind under each store at work, the others open beside it. All three are looked at after every cut.
"""

from __future__ import annotations

import contextlib
import random
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

from tests.board.inside import box_flash, power
from tests.board.inside.apart import Apart
from tests.board.inside.box_flash import BOX, CACHE, STATE
from tests.board.inside.facts import Facts
from tests.board.inside.stores import Cache, Jobs, Logs, Store

STORES: Final = {"logs": STATE, "jobs": STATE, "cache": CACHE}
_STEPS_A_COMMIT: Final = 6
_COMMITS: Final = 2000
"""Far more than it takes to write so many headers as a cut is set to."""


class Cuts:
    """A box whose stores live from cut to cut."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.found: list[int] = []
        self.killed = 0
        self._acknowledged = dict.fromkeys(STORES, -1)
        self._checked = -1
        self._boots = 0

    @contextlib.contextmanager
    def running(self) -> Iterator[dict[str, Store]]:
        """From a boot, with a look at everything, to the end of power."""
        self._boots += 1
        with box_flash.mounted():
            cache = Cache(BOX)
            jobs = Apart(lambda: Jobs(BOX, f"boot {self._boots}"))
            stores: dict[str, Store] = {"logs": Logs(BOX, self._checked), "jobs": jobs, "cache": cache}
            try:
                for name, store in stores.items():
                    store.check(self._acknowledged[name])
                self._checked = self._acknowledged["logs"]
                self.found.append(cache.found())
                yield stores
            finally:
                for store in stores.values():
                    store.close()
                self.killed += jobs.killed

    def work(self, stores: dict[str, Store], name: str) -> None:
        if stores[name].step(self._acknowledged[name] + 1):
            self._acknowledged[name] += 1

    def at_header(self, name: str, header: str, source: random.Random) -> None:
        with self.running() as stores:
            power.cut_at_header(header, source.randrange(1, 8))
            for _commit in range(_COMMITS):
                for _step in range(_STEPS_A_COMMIT):
                    self.work(stores, name)
                box_flash.commit()
                if power.is_cut():
                    break
            assert power.is_cut(), f"{_COMMITS} commits wrote too few headers"
        self.done[f"{name}: {header} header"] += 1

    def at_node(self, name: str) -> None:
        for _draw in range(power.DRAWS):
            with self.running() as stores:
                power.cut_at_node(STORES[name])
                for _commit in range(power.DRAW):
                    for _step in range(_STEPS_A_COMMIT):
                        self.work(stores, name)
                    box_flash.commit()
                    if power.is_cut():
                        self.done[f"{name}: UBIFS node"] += 1
                        return
        raise AssertionError(f"{power.DRAWS} draws of {power.DRAW} commits brought no power cut")

    def at_last(self) -> None:
        """Look at many records again; each store must still work."""
        self._checked = max(self._acknowledged["logs"] - Logs.SURELY_KEPT, -1)
        with self.running() as stores:
            for name, store in stores.items():
                for number in range(self._acknowledged[name] + 1, self._acknowledged[name] + 5):
                    assert store.step(number), f"{name} does not work any more"
                store.check(number)


def main() -> None:
    header_cuts, node_cuts = (int(argument) for argument in sys.argv[1:])
    facts, cuts = Facts(), Cuts()
    with box_flash.nand():
        for number in range(max(header_cuts, node_cuts)):
            for name in STORES:
                if number < header_cuts:
                    header = list(power.HEADERS)[number % len(power.HEADERS)]
                    cuts.at_header(name, header, random.Random(f"{name} {number}"))  # noqa: S311
                if number < node_cuts:
                    cuts.at_node(name)
            facts["cuts"] = cuts.done
        cuts.at_last()
    facts["found"] = cuts.found
    facts["killed"] = cuts.killed


if __name__ == "__main__":
    main()
