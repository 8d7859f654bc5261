"""The sound fragment, heard through the real decoder."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline import samples
from appliance.pipeline.aac import SoundWriter
from tests import sounds


def write(path: Path, sound: sounds.Samples, rate: int, seconds: Fraction | None = None) -> Path:
    writer = SoundWriter(path, rate, len(sound))
    for begin in range(0, sound.shape[1], 777):
        writer.write(samples.to_frame(sound[:, begin : begin + 777], rate))
    if seconds is not None:
        writer.pad(seconds)
    writer.close()
    return path


@pytest.mark.parametrize("rate", [8000, 11025, 16000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_sound_starts_at_zero_and_keeps_its_length_and_level(tmp_path: Path, rate: int, channels: int) -> None:
    truth = sounds.bursts(1.37, rate, channels=channels)
    heard, heard_rate = sounds.read(write(tmp_path / "s", truth, rate))
    assert heard_rate == rate
    assert heard.shape[0] == channels
    assert 0 <= heard.shape[1] - truth.shape[1] < 1024
    assert abs(sounds.lag_s(heard[0], truth[0], rate)) < 0.001
    assert heard.std() == pytest.approx(truth.std(), rel=0.1)


def test_silence_fills_up_to_the_wanted_length(tmp_path: Path) -> None:
    truth = sounds.tone(0.5, 16000)
    heard, _ = sounds.read(write(tmp_path / "s", truth, 16000, seconds=Fraction(3)))
    assert 48000 <= heard.shape[1] < 49024
    assert np.abs(heard[0, 10000:]).max() < 1e-3
    assert np.abs(heard[0, 1000:7000]).max() > 0.4


def test_the_writer_counts_what_it_wrote(tmp_path: Path) -> None:
    with SoundWriter(tmp_path / "s", 8000, 1) as writer:
        writer.write(samples.to_frame(sounds.tone(0.25, 8000), 8000))
        assert writer.seconds == Fraction(1, 4)
        assert not (tmp_path / "s").exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["s"]


def test_aborting_or_failing_leaves_nothing(tmp_path: Path) -> None:
    SoundWriter(tmp_path / "s", 8000, 1).abort()

    def failing() -> None:
        with SoundWriter(tmp_path / "t", 8000, 1) as writer:
            writer.write(samples.to_frame(sounds.tone(1, 8000), 8000))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_the_requests_fault(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        SoundWriter(tmp_path / "no" / "s", 8000, 1)
