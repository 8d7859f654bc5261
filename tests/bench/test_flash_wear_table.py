from __future__ import annotations

from typing import Any

import pytest

from tests.bench.flash_wear.table import rows


def caches(ours: float, hits: float) -> dict[str, Any]:
    def one(erases: float, ratio: float) -> dict[str, Any]:
        part = {"erases_per_requested_gb": erases, "hit_ratio": ratio, "programmed_per_admitted": 1.05}
        return {"warm": part, "whole": part}

    return {"files": one(600, 0.5), "segments": one(ours, hits), "segments_without_reinsertion": one(ours, hits)}


@pytest.mark.parametrize(("ours", "hits", "met"), [(100, 0.5, True), (101, 0.5, False), (100, 0.49, False)])
def test_a_cache_must_cost_a_sixth_and_hit_as_often(ours: float, hits: float, met: bool) -> None:
    row = next(rows("cache", caches(ours, hits)))
    assert row.met is met
    assert (row.obvious, row.must) == ("600", "1/6")
    assert row.reached.startswith(f"{ours} (1/")


def test_it_must_do_so_with_every_trace_and_what_is_only_shown_has_no_verdict() -> None:
    assert [row.met for row in rows("recorded", {"32 MB": caches(100, 0.5)})] == [True, None]
    assert [row.met for row in rows("recorded", {"32 MB": caches(100, 0.1)})] == [False, None]


@pytest.mark.parametrize(("day", "met"), [(1.05, True), (0.95, True), (1.06, False)])
def test_every_day_must_keep_to_the_budget(day: float, met: bool) -> None:
    (row,) = rows("budget", {"days": {"over_target": [1.0, day]}})
    assert row.met is met
