"""How much the flash may be written: a token bucket in NAND bytes, filled by the life that the chip must last.

`bytes_per_day` spreads what a chip has left over the time that it must still last; it is the wear model's formula
(life = blocks x block size x P/E cycles x levelling / bytes programmed a day), turned round. `WriteBudget` hands that
out evenly. The bucket holds one hour's worth: on any day in which the budget binds throughout, what is spent differs
from the target by at most that hour, 4.2 %. The controller is the bucket's level: admission has the probability
level / capacity, so that many candidates find few tokens, few find many, and the level settles where spending equals
the income. What is not spent is not saved for later; it makes the next calculation of the daily bytes more generous.

The other writers on the chip, the log and the state, take from the same bucket without asking: `others` tells how many
NAND bytes they have written so far, from any origin that only grows.

The clock is a wall clock, since the level outlives the process (`snapshot`, `restore`). One that jumps back gives
nothing until the next look; one that jumps ahead fills the bucket once. Not thread-safe: the cache that owns it locks.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

DAY_S: Final = 86_400.0
BUCKET_S: Final = 3_600.0
LEVELLING: Final = 0.8
"""The share of its cycles that the average block has used when the first ones reach theirs."""


@dataclass(frozen=True, slots=True)
class Chip:
    """What the budget must know of a NAND chip, or of the UBI device on it."""

    blocks: int
    block_bytes: int
    cycles: int
    """P/E cycles that a block endures."""


def bytes_per_day(
    chip: Chip, *, days_left: float, mean_erase_counter: float = 0.0, levelling: float = LEVELLING
) -> float:
    """NAND bytes a day that wear the chip out in `days_left`, and no sooner; nothing for one that is worn out."""
    cycles = max(chip.cycles * levelling - mean_erase_counter, 0.0)
    return chip.blocks * chip.block_bytes * cycles / max(days_left, 1.0)


class WriteBudget:
    """A token bucket of NAND bytes whose level is the probability of admission."""

    def __init__(
        self,
        bytes_per_day: float,
        *,
        others: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.bytes_per_day = bytes_per_day
        self._others = others
        self._clock = clock
        self._capacity = bytes_per_day * BUCKET_S / DAY_S
        self._level = self._capacity
        self._filled = clock()
        self._others_before = others() if others else 0

    def spend(self, nand_bytes: float) -> None:
        """Take what was written; the level may fall below nothing, by an hour's worth at most."""
        self._level = max(self._level - nand_bytes, -self._capacity)

    def probability(self) -> float:
        """The share of the candidates that may be written now, from 0 to 1."""
        self._refill()
        return max(self._level / self._capacity, 0.0) if self._capacity > 0 else 0.0

    def snapshot(self) -> dict[str, float]:
        """What `restore` needs to go on after a restart."""
        self._refill()
        return {"level": self._level, "time": self._filled}

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from a snapshot; one that makes no sense is ignored."""
        level, then = snapshot.get("level"), snapshot.get("time")
        if not isinstance(level, int | float) or not isinstance(then, int | float) or not math.isfinite(level + then):
            return
        self._level = min(max(level, -self._capacity), self._capacity)
        self._filled = min(then, self._clock())
        self._refill()

    def _refill(self) -> None:
        now = self._clock()
        if now > self._filled:
            earned = (now - self._filled) * self.bytes_per_day / DAY_S
            self._level = min(self._level + earned, self._capacity)
        self._filled = now
        if self._others:
            written = self._others()
            # A counter that went back was started anew.
            self.spend(written - self._others_before if written >= self._others_before else written)
            self._others_before = written
