# Written by `make boards` from boot/boards: change that instead.
"""What boards say of their flash, by the first `compatible` of their device tree."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

RATED_CYCLES: Final[Mapping[str, int]] = {
    "nvidia,p3768-0000+p3767-0005": 60_000,
    "radxa,rock-5b": 60_000,
    "linux,dummy-virt": 100_000,
}
"""Erases that a block of the NAND bears at least."""
