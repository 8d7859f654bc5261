"""What the log and the job queue cost a simulated NAND, beside the obvious ways: the benchmark, on its small scale.

The cache is left out: it needs thousands of requests to show what it is (`python -m tests.bench.flash_wear`).
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.flash_wear.__main__ import measure
from tests.board.guest import missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing("ubiattach")), reason=missing("ubiattach") or "-")]

Found = dict[str, Any]


@pytest.fixture(scope="module")
def found() -> Found:
    return measure(["logs", "queue"], small=True, timeout_s=900)


def test_a_log_in_blocks_costs_a_hundredth_of_one_synced_line_by_line(found: Found) -> None:
    logs = found["logs"]
    assert logs["blocks"]["erases"] > 0
    assert logs["blocks"]["erases_per_mb"] * 100 <= logs["line_per_fsync"]["erases_per_mb"]


def test_a_thousand_acknowledged_commits_cost_55_erases_at_most(found: Found) -> None:
    queue = found["queue"]
    assert 0 < queue["box"]["erases_per_1000"] <= 55
    assert queue["box"]["erases_per_1000"] < queue["as_it_comes"]["erases_per_1000"] / 2
