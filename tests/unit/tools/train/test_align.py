"""Finding the sounds of an utterance by Viterbi."""

from __future__ import annotations

import numpy as np
import pytest

from tools.train.align import forced, free
from tools.train.phones import INDEX, PHONES


def posteriors(labels: list[str], noise: float = 0.0) -> np.ndarray:
    random = np.random.default_rng(0)
    logits = noise * random.standard_normal((len(labels), len(PHONES)))
    for frame, label in enumerate(labels):
        logits[frame, INDEX[label]] += 4.0
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)), np.float32)


def named(labels: np.ndarray) -> list[str]:
    return [PHONES[label] for label in labels]


SAID = ["sil"] * 5 + ["p"] * 6 + ["a"] * 9 + ["p"] * 4 + ["a"] * 8 + ["sil"] * 4


def test_alignment_finds_the_bounds_through_noise() -> None:
    labels, fit = forced(posteriors(SAID, 1.0), ["p", "a", "p", "a"], set())
    assert np.mean([a == b for a, b in zip(named(labels), SAID, strict=True)]) > 0.9
    assert fit < 0


def test_the_silence_around_is_optional() -> None:
    said = ["m"] * 6 + ["a"] * 6
    assert named(forced(posteriors(said), ["m", "a"], set())[0]) == said


def test_a_pause_is_taken_only_where_one_may_be() -> None:
    said = ["m"] * 4 + ["sil"] * 6 + ["a"] * 6
    assert named(forced(posteriors(said), ["m", "a"], {1})[0]) == said
    assert "sil" not in named(forced(posteriors(said), ["m", "a"], set())[0])[1:-1]


def test_a_wrong_transcript_fits_worse() -> None:
    logs = posteriors(SAID, 0.5)
    assert forced(logs, ["p", "a", "p", "a"], set())[1] > forced(logs, ["s", "u", "k", "i"], set())[1] + 0.5


def test_a_sound_stays_where_it_may_lie() -> None:
    said = ["a"] * 6 + ["m"] * 6 + ["a"] * 6 + ["m"] * 6
    about = np.array([[0, 15], [10, 20], [12, 24]])
    labels = named(forced(posteriors(said), ["a", "m", "a"], set(), about)[0])
    for phone, (first, last) in zip(("a", "m", "a"), about, strict=True):
        assert phone in labels[first:last]
    assert [place for place, label in enumerate(labels) if label == "m"] == [10, 11]
    free_of_it = named(forced(posteriors(said), ["a", "m", "a"], set())[0])
    assert [place for place, label in enumerate(free_of_it) if label == "m"] == [*range(6, 12)]


def test_too_short_for_its_sounds_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        forced(posteriors(["a"] * 5), ["m", "a", "m", "a"], set())


def test_a_single_odd_frame_does_not_make_a_sound() -> None:
    said = list(SAID)
    said[14] = "k"
    assert "k" not in named(free(posteriors(said)))
    assert named(free(posteriors(SAID))) == SAID
