"""Sway and blinks: of one seed always the same, whatever is asked first, and as lively as people are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline.life import Life

MINUTES = np.arange(0.02, 600, 0.04)
SMALL = settings(max_examples=15, deadline=None)
seeds = st.integers(0, 2**32 - 1)


@SMALL
@given(seeds, st.floats(0, 500))
def test_a_part_is_the_same_by_itself_and_in_any_order(seed: int, start: float) -> None:
    part = (start <= MINUTES) & (start + 20 > MINUTES)
    whole, alone = Life(seed), Life(seed)
    blinks, sway = whole.blink(MINUTES), whole.sway(MINUTES)
    assert np.array_equal(alone.blink(MINUTES[part]), blinks[part])
    assert np.allclose(alone.sway(MINUTES[part]), sway[:, part], atol=1e-9)
    assert np.array_equal(whole.blink(MINUTES[:50]), blinks[:50])


@SMALL
@given(seeds)
def test_blinks_are_brief_complete_and_a_few_seconds_apart(seed: int) -> None:
    blinks = Life(seed).blink(MINUTES)
    assert blinks.min() == 0
    assert blinks.max() == pytest.approx(1)
    closed = blinks > 0.5
    starts = np.flatnonzero(np.diff(closed.astype(int)) == 1)
    stops = np.flatnonzero(np.diff(closed.astype(int)) == -1)
    gaps = np.diff(MINUTES[starts])
    assert 2 < gaps.min() <= gaps.max() < 6
    assert 100 < len(starts) < 300
    lengths = (stops[: len(starts)] - starts[: len(stops)]) * 0.04
    assert 0.04 < lengths.min() <= lengths.max() < 0.3
    # Nobody starts a video with shut eyes.
    assert (blinks[MINUTES < 0.8] == 0).all()


@SMALL
@given(seeds)
def test_sway_is_slow_bounded_and_in_four_directions(seed: int) -> None:
    sway = Life(seed).sway(MINUTES)
    assert sway.shape == (4, len(MINUTES))
    assert np.abs(sway).max() <= 1.6
    assert (np.abs(np.diff(sway, axis=1)).max(1) < 0.2).all()
    assert (sway.std(axis=1) > 0.3).all()
    assert np.abs(np.corrcoef(sway) - np.eye(4)).max() < 0.5


def test_another_seed_is_another_life() -> None:
    one, other = Life(1), Life(2)
    assert not np.array_equal(one.blink(MINUTES), other.blink(MINUTES))
    assert np.abs(one.sway(MINUTES) - other.sway(MINUTES)).max() > 0.5


def test_no_times_no_motion() -> None:
    assert Life(0).blink(np.zeros(0)).shape == (0,)
    assert Life(0).sway(np.zeros(0)).shape == (4, 0)
