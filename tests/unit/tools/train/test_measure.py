"""The measures can succeed and fail: on truths made of a few phones."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.pipeline.track import MotionTrack
from tools.train.baselines import ideal, late
from tools.train.measure import APART_S, Truth, apart, score, summary, truth_of
from tools.train.phones import INDEX


def truth(*sounds: tuple[str, int]) -> Truth:
    """Phones with their frames of 10 ms."""
    return truth_of(np.concatenate([np.full(frames, INDEX[phone], np.uint8) for phone, frames in sounds]))


WORDS = truth(("sil", 40), ("a", 20), ("m", 8), ("o", 30), ("f", 9), ("a", 25), ("p", 9), ("i", 20), ("sil", 40))


def figures(*pairs: tuple[MotionTrack, Truth]) -> dict[str, float]:
    return summary([score(*pair) for pair in pairs])


def test_the_truth_is_wholly_right() -> None:
    measured = figures((ideal(WORDS), WORDS))
    for name in ("closure_recall", "closure_precision", "contact_recall", "contact_precision", "vad_f1"):
        assert measured[name] == 1, name
    assert measured["opening_r"] == pytest.approx(1, abs=1e-3)
    assert (measured["lag_ms"], measured["closures"]) == (0, 2)


def test_the_truth_200_ms_late_is_found_late_and_misses() -> None:
    measured = figures((late(ideal(WORDS), 0.2), WORDS))
    assert measured["lag_ms"] == 200
    assert measured["closure_recall"] == 0


def test_a_closure_that_is_none_counts_against_precision() -> None:
    track = ideal(WORDS)
    track.closure[48:54] = 1
    assert figures((track, WORDS))["closure_precision"] == pytest.approx(2 / 3)


def test_a_mouth_that_never_opens_finds_every_closure_but_is_one_long_run() -> None:
    track = ideal(WORDS)
    track.closure[:] = 1
    assert figures((track, WORDS))["closure_recall"] == 0


def test_silence_is_what_lies_apart_from_any_sound() -> None:
    voiced = np.zeros(60, np.bool_)
    voiced[20:30] = True
    reach = round(APART_S * 100)
    assert np.flatnonzero(~apart(voiced)).tolist() == list(range(20 - reach, 30 + reach))
    assert apart(np.zeros(3, np.bool_)).all()


def test_opening_in_silence_is_weighed_over_all_files() -> None:
    short = truth(("sil", 12), ("a", 30))
    open_before = ideal(short)
    open_before.opening[:7] = open_before.opening[12:].mean()
    assert figures((open_before, short))["silence_ratio"] == pytest.approx(1, abs=0.2)
    both = figures((open_before, short), (ideal(WORDS), WORDS))["silence_ratio"]
    assert 0.01 < both < 0.2


def test_a_file_without_silence_says_nothing_of_it() -> None:
    vowel = truth(("a", 30), ("m", 8), ("a", 30))
    assert figures((ideal(vowel), vowel))["silence_ratio"] == 0
