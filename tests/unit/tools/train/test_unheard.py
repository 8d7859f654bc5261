"""Utterances of which an aligner lost a part are told by their loudness."""

from __future__ import annotations

import numpy as np
import pytest

from tools.train.measure import truth_of
from tools.train.phones import INDEX
from tools.train.unheard import whole

SECOND = 16000


@pytest.mark.parametrize(("after_db", "is_whole"), [(-40.0, True), (0.0, False)])
def test_a_silence_that_is_as_loud_as_the_sounds_is_none(after_db: float, is_whole: bool) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(2 * SECOND).astype(np.float32)
    noise[SECOND:] *= np.float32(10 ** (after_db / 20))
    said = truth_of(np.repeat(np.array([INDEX["s"], INDEX["sil"]], np.uint8), 100))
    assert whole(noise, said) is is_whole
