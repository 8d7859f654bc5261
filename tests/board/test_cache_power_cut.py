"""The cache on UBIFS on a simulated NAND, whose power the kernel cuts: in UBI's headers and in UBIFS's nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

CUTS = 12


def test_the_cache_survives_power_cuts_on_a_simulated_nand(tmp_path: Path) -> None:
    facts = Guest(tmp_path).run_inside(f"cache_cuts {CUTS}", timeout_s=900).facts()
    # How many items there were before each cut. It does not begin from nothing each time.
    assert len(facts["found"]) == CUTS
    assert sum(found > 10 for found in facts["found"]) > CUTS // 2
    assert facts["last"] == "one"
    assert facts["stats"]["problem"] == ""
