"""How long flash will last: years with an interval, and on what they are based.

Raw NAND. Life ends when the blocks have used the cycles that they endure:

    days left = blocks x (cycles x levelling - mean erase counter) / (erases a day)

which is the design's formula (blocks x block size x P/E cycles x levelling / bytes programmed a day) with the block
size cancelled: a block is erased once for each time it is filled. `levelling` is the share of its cycles that the
average block has used when the first ones reach theirs.

Erases a day are not known but estimated. Before anything was observed they are believed to be `NOMINAL`: what wears a
new chip out in `TARGET_YEARS`, which is what the write budget allows. What is observed corrects that belief. Both are
taken as log-normal (loads are positive and vary by factors), so that the estimate is their mean weighted by precision:

    prior         log of the nominal rate, standard deviation `_PRIOR`
    observation   log of the observed rate; variance = log(1 + (exp(_DAY^2) - 1) / days) + 1 / erases + _DRIFT^2

The first part of that variance is the one of a mean of `days` log-normal days (Fenton and Wilkinson's moments), the
second that of counting; the third stays however long one looks, since next year need not be like this one. The
interval holds the truth in nine of ten cases if days vary as assumed; a test plays that through.

eMMC and NVMe tell a share of life used, in steps. The shares bound what was used since the history began, and so the
years, without any belief (`by_share`).
"""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from appliance.storage import boards
from appliance.storage.budget import LEVELLING, Chip, bytes_per_day

YEAR_DAYS: Final = 365.0
TARGET_YEARS: Final = 10.0
"""What the write budget makes a chip last."""
RATED_CYCLES: Final = 60_000
"""Erases that a block of SLC NAND bears at least; what is known of a board's chip counts instead (`rated_cycles`)."""
LONGEST_YEARS: Final = 100.0
"""Beyond that nothing is said: retention and solder end before the cells do."""

_Z: Final = 1.645
"""Nine of ten: 5 % on either side of a normal distribution."""
_PRIOR: Final = 1.0
_DAY: Final = 1.0
_DRIFT: Final = 0.2

Basis = Literal["nominal", "history", "power-on", "unknown"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Years that are left: the best estimate between `low` and `high`; None is not known, for `high` without end."""

    years: float | None
    low: float | None
    high: float | None
    basis: Basis
    days: float
    """Days of history that it stands on."""
    erases_per_day: float | None = None


def rated_cycles(root: Path = Path("/")) -> int:
    """Erases that a block of this box's NAND bears, by the board that its device tree says it is."""
    names: list[str] = []
    with contextlib.suppress(OSError, UnicodeDecodeError):
        names = (root / "proc/device-tree/compatible").read_text().split("\0")
    return next((boards.RATED_CYCLES[name] for name in names if name in boards.RATED_CYCLES), RATED_CYCLES)


def daily_budget(chip: Chip, mean_erases: float = 0.0, years_in_use: float = 0.0) -> float:
    """NAND bytes a day with which the chip lasts until `TARGET_YEARS`; at least a year more for an old one."""
    days_left = max(TARGET_YEARS - years_in_use, 1.0) * YEAR_DAYS
    return bytes_per_day(chip, days_left=days_left, mean_erase_counter=mean_erases)


def nominal_erases(chip: Chip) -> float:
    """Erases a day that are believed in before anything was observed."""
    return daily_budget(chip) / chip.block_bytes


def forecast(chip: Chip, *, mean_erases: float, erased: float, days: float) -> Forecast:
    """The years of a NAND chip on which `erased` erases were counted in `days` days."""
    left = chip.blocks * max(chip.cycles * LEVELLING - mean_erases, 0.0)
    rate, spread = _rate(nominal_erases(chip), erased, days)
    years = left / rate / YEAR_DAYS
    return Forecast(
        min(years, LONGEST_YEARS),
        min(years / spread, LONGEST_YEARS),
        min(years * spread, LONGEST_YEARS),
        "history" if days >= 1 else "nominal",
        days,
        rate,
    )


def _rate(nominal: float, erased: float, days: float) -> tuple[float, float]:
    """(erases a day, factor to either end of the interval)."""
    if days <= 0:
        return nominal, math.exp(_Z * _PRIOR)
    # None at all is less than one, and no evidence where less than one was to be expected.
    observed = math.log(max(erased, min(0.5, nominal * days)) / days)
    noise = math.log1p(math.expm1(_DAY**2) / days) + 1 / max(erased, 0.5) + _DRIFT**2
    precision = 1 / _PRIOR**2 + 1 / noise
    mean = (math.log(nominal) / _PRIOR**2 + observed / noise) / precision
    # What drifts is the future, which no look at the past makes more certain.
    return math.exp(mean), math.exp(_Z * math.sqrt(1 / precision + _DRIFT**2))


def by_share(
    now: tuple[float, float], *, before: tuple[float, float] = (0.0, 0.0), days: float, basis: Basis = "history"
) -> Forecast:
    """The years of a disk that has used so many percent (from, to), and `days` ago had used `before`.

    It has used at least now[0] - before[1] and at most now[1] - before[0] percent in these days.
    """
    if days < 1:
        return Forecast(None, None, None, "unknown", days)
    least, most = max(now[0] - before[1], 0.0), now[1] - before[0]
    low = _years(100 - now[1], most, days)
    high = _years(100 - now[0], least, days) if least > 0 else None
    if high is None or low is None:
        return Forecast(None, low, high, basis, days)
    return Forecast(math.sqrt(max(low, 0.01) * max(high, 0.01)), low, high, basis, days)


def _years(left: float, used: float, days: float) -> float | None:
    if used <= 0:
        return None
    return min(max(left, 0.0) / used * days / YEAR_DAYS, LONGEST_YEARS)


__all__ = ["Chip", "Forecast", "by_share", "daily_budget", "forecast", "nominal_erases", "rated_cycles"]
