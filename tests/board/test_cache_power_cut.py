"""The cache on UBIFS on a simulated NAND, whose power the kernel cuts: in UBI's headers and in UBIFS's nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

CUTS = 12


def test_the_cache_survives_power_cuts_on_a_simulated_nand(tmp_path: Path) -> None:
    facts = Guest(tmp_path).run_inside(f"cache_cuts {CUTS}", timeout_s=900).facts()
    assert facts["cut_off"] >= CUTS * 3 // 4
    assert facts["last"] == "one"
    # It does not begin from nothing each time.
    assert sum(found > 10 for found in facts["found"]) > CUTS // 2
    assert facts["stats"]["problem"] == ""
