"""The scorer of spoken words can fail."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training code, whose counts are used, needs torch")

from appliance.pipeline.track import MotionTrack
from tests.bench.spoken_words import Word, closures
from tools.train.measure import Count

WORD = Word(np.zeros(32_000, np.float32), (0.3, 1.7), [(0.3, 0.4), (1.0, 1.1)], [(1.5, 1.6)])


def closed(*seconds: tuple[float, float]) -> MotionTrack:
    """A track at 25 fps whose mouth is closed then."""
    at = (np.arange(50) + 0.5) / 25
    shut = np.any([(at >= start) & (at < end) for start, end in seconds], axis=0)
    return replace(MotionTrack.at_rest(25.0, 50), closure=shut.astype(np.float32))


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([(0.3, 0.4), (1.0, 1.1)], Count(2, 2, 2, 0)),
        ([(0.24, 0.3), (1.1, 1.2)], Count(2, 2, 2, 0)),
        ([(0.3, 0.4)], Count(1, 2, 1, 0)),
        ([(0.6, 0.76)], Count(0, 2, 0, 1)),
        ([(1.5, 1.6)], Count(0, 2, 0, 0)),
        ([(1.8, 1.96)], Count(0, 2, 0, 0)),
    ],
    ids=["as said", "a little off", "one missed", "elsewhere", "at an f", "in the silence"],
)
def test_closures_are_counted(seconds: list[tuple[float, float]], expected: Count) -> None:
    assert closures(closed(*seconds), WORD) == expected
