"""The rules of beginning and end, with a voice activity that is known. Real voices: tests/integration."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.capture.endpoint import Endpoint
from appliance.capture.level import FRAME

BLOCK = 5
"""Frames at a time."""


class Told:
    """A voice activity that answers from a script, `late` frames late."""

    def __init__(self, script: Sequence[float], late: int = 0) -> None:
        self._script, self._late, self._heard, self._said = script, late, 0, 0

    def __call__(self, samples: NDArray[np.float32]) -> Sequence[float]:
        self._heard += len(samples) // FRAME
        start, self._said = self._said, max(self._said, min(self._heard - self._late, len(self._script)))
        return self._script[start : self._said]


def run(
    script: Sequence[float],
    *,
    levels: Sequence[float] | None = None,
    late: int = 0,
    silence_s: float = 0.4,
    noise_db: float = -60.0,
) -> tuple[Endpoint, int | None]:
    """The endpoint after the script, and after how many frames it was finished."""
    endpoint = Endpoint(Told(script, late), silence_s)
    shown = levels if levels is not None else [-30.0] * len(script)
    for frame in range(0, len(script), BLOCK):
        part = shown[frame : frame + BLOCK]
        endpoint.push(np.zeros(len(part) * FRAME, np.float32), part, noise_db if frame >= 20 - BLOCK else None)
        if endpoint.finished:
            return endpoint, frame + BLOCK
    return endpoint, None


QUIET, SPEECH = [0.0] * 50, [1.0] * 30


def test_it_ends_after_the_silence_and_says_where_the_words_were() -> None:
    endpoint, finished = run([*QUIET, *SPEECH, *QUIET])
    assert endpoint.started is not None
    assert endpoint.last is not None
    assert 47 * FRAME <= endpoint.started <= 50 * FRAME
    assert 80 * FRAME <= endpoint.last <= 82 * FRAME
    assert finished is not None
    assert 80 + 20 <= finished <= 80 + 20 + 2 + BLOCK


def test_a_pause_shorter_than_the_silence_does_not_end_it() -> None:
    _, finished = run([*QUIET, *SPEECH, *[0.0] * 15, *SPEECH, *QUIET])
    assert finished is not None
    assert finished >= 50 + 30 + 15 + 30


def test_what_is_too_unlikely_to_begin_with_is_enough_to_go_on() -> None:
    unsure = [0.45] * 30
    assert run([*QUIET, *unsure, *QUIET])[0].started is None
    endpoint, _ = run([*QUIET, *SPEECH, *unsure, *QUIET])
    assert endpoint.last is not None
    assert 110 * FRAME <= endpoint.last <= 112 * FRAME


def test_silence_alone_never_ends_it() -> None:
    endpoint, finished = run(QUIET * 5)
    assert (endpoint.started, endpoint.last, finished) == (None, None, None)


def test_clicks_are_no_speech() -> None:
    endpoint, _ = run([1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0] * 10)
    assert endpoint.started is None


def test_what_is_not_louder_than_the_noise_is_no_speech() -> None:
    endpoint, _ = run(SPEECH * 3, levels=[-58.0] * 90)
    assert endpoint.started is None


def test_someone_who_speaks_from_the_first_moment_is_heard_from_there() -> None:
    endpoint, _ = run([*SPEECH, *QUIET])
    assert endpoint.started is not None
    assert endpoint.started <= FRAME


def test_someone_whose_first_words_hid_the_noise_is_heard_from_there() -> None:
    endpoint = Endpoint(Told([*SPEECH, *QUIET]), 0.4)
    for frame in range(0, 80, BLOCK):
        level, noise = (-30.0, -31.0) if frame < 30 else (-60.0, -60.0)
        endpoint.push(np.zeros(BLOCK * FRAME, np.float32), [level] * BLOCK, noise if frame >= 20 - BLOCK else None)
    assert endpoint.started == 0
    assert endpoint.last is not None
    assert 30 * FRAME <= endpoint.last <= 32 * FRAME
    assert endpoint.finished


def test_a_late_answer_moves_the_end_but_not_the_places() -> None:
    script = [*QUIET, *SPEECH, *QUIET]
    on_time, first = run(script)
    late, second = run(script, late=5)
    assert (on_time.started, on_time.last) == (late.started, late.last)
    assert first is not None
    assert second is not None
    assert second == first + 5


def moving(frames: int, middle_db: float, db: float) -> list[float]:
    """A level that goes up and down by `db` around its middle, once in 200 ms."""
    return [middle_db + db * float(np.sin(2 * np.pi * frame / 10)) for frame in range(frames)]


@pytest.mark.parametrize(("others_db", "ends"), [(-38.0, True), (-28.0, False)], ids=["far away", "as near"])
def test_other_people_keep_it_open_only_where_they_are_as_loud(others_db: float, ends: bool) -> None:
    levels = [*moving(50, others_db, 3.0), *moving(50, -25.0, 3.0), *moving(150, others_db, 3.0)]
    _, finished = run([1.0] * 250, levels=levels, noise_db=others_db - 4.0)
    assert (finished is not None) is ends


def test_a_soft_phrase_counts_in_a_quiet_room_and_in_one_with_a_steady_noise() -> None:
    script = [*QUIET, *SPEECH, *[0.0] * 18, *SPEECH, *[0.0] * 18, *SPEECH, *QUIET]
    for softly_db, noise_db in ((-45.0, -60.0), (-38.0, -42.0)):
        loud, soft, quiet = [-25.0] * 30, [softly_db] * 30, [noise_db] * 50
        levels = [*quiet, *loud, *quiet[:18], *soft, *quiet[:18], *soft, *quiet]
        endpoint, _ = run(script, levels=levels, noise_db=noise_db, silence_s=0.6)
        assert endpoint.last is not None
        assert 176 * FRAME <= endpoint.last <= 178 * FRAME


def test_something_put_down_again_and_again_does_not_keep_it_open() -> None:
    """100 ms of it at a time are loud, and the voice activity takes all of it for a voice."""
    clatter = ([-60.0] * 17 + [-25.0] * 5) * 6
    _, finished = run([*QUIET, *[1.0] * 162], levels=[*[-60.0] * 50, *[-25.0] * 30, *clatter])
    assert finished is not None
    assert finished <= 50 + 30 + 20 + 2 + 5 + BLOCK


def test_a_short_last_syllable_soon_after_the_word_is_kept() -> None:
    script = [*QUIET, *SPEECH, *[0.0] * 10, *[1.0] * 4, *QUIET]
    endpoint, _ = run(script, levels=[-60.0 if likely == 0 else -25.0 for likely in script])
    assert endpoint.last is not None
    assert endpoint.last >= 94 * FRAME
