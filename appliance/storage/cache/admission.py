"""Which values are worth the flash, and what becomes of the others.

Most of what is asked for once is not asked for again. So a value is admitted

- where there is room that was never used, else only when it is *proven*: put before, lately. Kinds of a weight over 1
  need no such proof: they are small and dear to make, and whoever asks again soon shall find them;
- with the probability that the budget gives, times the weight of its kind (`KINDS`).

What is turned away stays in memory for a while (`Window`), for what is asked for again is often asked for next. When it
leaves, and when a resident item is evicted, its fingerprint is kept (`Ghosts`), `GHOST_RATIO` times as many as there
are resident items: the next to put it has proven it. That it was asked for while it was in memory proves nothing; what
is wanted once more and then never would else be most of what is written.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
from collections.abc import Callable
from typing import Any, Final

from appliance.storage.budget import WriteBudget
from appliance.storage.cache import segment
from appliance.storage.cache.ghosts import Ghosts
from appliance.storage.cache.statistics import KINDS, KindCounters
from appliance.storage.cache.window import Window

NAND_FACTOR: Final = 1.06
"""NAND bytes that UBIFS programs for a byte of a segment's file, as `tests/bench/flash_wear` measures it."""
GHOST_RATIO: Final = 0.4
"""With more ghosts ever more is written, and no more is found: at 1 twice as much."""
_FEWEST_GHOSTS: Final = 16


class Admission:
    """Decides for a cache, and remembers for it. Not thread-safe."""

    def __init__(self, window_bytes: int, budget: WriteBudget | None, chance: Callable[[], float]) -> None:
        self.window = Window(window_bytes)
        self.budget = budget
        self.ghosts = Ghosts(_FEWEST_GHOSTS)
        self._chance = chance

    def admits(self, fingerprint: int, kind: str, counters: KindCounters, *, proven: bool) -> bool:
        """Whether a value may be written; `proven` says that it needs no ghost to be."""
        # A ghost that is admitted is none any more.
        if not (self.ghosts.take(fingerprint) or proven or KINDS[kind] > 1):
            counters.unknown += 1
            return False
        if self.budget and self._chance() >= self.budget.probability() * KINDS[kind]:
            counters.over_budget += 1
            return False
        return True

    def hold(self, digest: bytes, data: bytes) -> None:
        """Keep in memory what was turned away."""
        self._forget_all(self.window.hold(digest, data))

    def empty(self) -> None:
        """Keep nothing in memory but who was there."""
        self._forget_all(self.window.emptied())

    def forget(self, fingerprint: int) -> None:
        """It is resident no longer."""
        self.ghosts.add(fingerprint)

    def _forget_all(self, digests: list[bytes]) -> None:
        for digest in digests:
            self.forget(segment.fingerprint(digest))

    def spend(self, file_bytes: int) -> None:
        if self.budget:
            self.budget.spend(file_bytes * NAND_FACTOR)

    def probability(self) -> float:
        return self.budget.probability() if self.budget else 1.0

    def fit(self, items: int) -> None:
        """Have as many ghosts as so many resident items want."""
        self.ghosts = self.ghosts.resized(max(int(GHOST_RATIO * items), _FEWEST_GHOSTS))

    def dump(self) -> dict[str, Any]:
        """What shall outlive the process, as JSON."""
        return {
            "ghosts": base64.b64encode(self.ghosts.dump()).decode(),
            "budget": self.budget.snapshot() if self.budget else None,
        }

    def restore(self, stored: dict[str, Any]) -> None:
        """Go on from what `dump` gave; what makes no sense is ignored."""
        ghosts, budget = stored.get("ghosts"), stored.get("budget")
        if isinstance(ghosts, str):
            with contextlib.suppress(binascii.Error):
                self.ghosts = Ghosts.load(base64.b64decode(ghosts, validate=True))
        if self.budget and isinstance(budget, dict):
            self.budget.restore(budget)
