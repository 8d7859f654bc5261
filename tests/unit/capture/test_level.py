"""Levels in dB."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.capture.level import FRAME, SILENCE_DB, frame_levels, measure

TIME = np.arange(1600) / 16000
SINE = np.sin(2 * np.pi * 100 * TIME).astype(np.float32)


def test_a_sine_and_a_square_wave() -> None:
    sine = measure(SINE)
    assert sine.peak_db == pytest.approx(0.0, abs=0.01)
    assert sine.rms_db == pytest.approx(-3.01, abs=0.01)
    assert measure(np.sign(SINE + 1e-9)).rms_db == pytest.approx(0.0, abs=0.01)
    assert measure(0.1 * SINE).peak_db == pytest.approx(-20.0, abs=0.01)


def test_silence_and_nothing_have_a_level_too() -> None:
    for samples in (np.zeros(0, np.float32), np.zeros(100, np.float32)):
        assert measure(samples).peak_db == measure(samples).rms_db == SILENCE_DB


def test_every_whole_frame_has_its_own_level() -> None:
    loud_then_quiet = np.concatenate([np.ones(FRAME), np.full(FRAME, 0.1), np.ones(FRAME // 2)]).astype(np.float32)
    assert frame_levels(loud_then_quiet) == pytest.approx([0.0, -20.0], abs=0.01)
