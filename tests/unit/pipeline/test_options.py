"""Generation options: defaults hold, every range is kept, every refusal names the option and what it may be."""

from __future__ import annotations

import math
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.pipeline.motion import load_motion_model
from appliance.pipeline.options import DEFAULTS, RANGES, SWITCHES, Options
from appliance.pipeline.progress import Job
from appliance.pipeline.sound import open_sound
from appliance.pipeline.track import MotionTrack
from appliance.pipeline.voice import Voice
from tests import sounds

NAMES = sorted(RANGES)
WHOLE = {"min_resolution", "inference_steps", "seed"}


def test_the_table_names_every_option_with_its_meaning() -> None:
    assert set(RANGES) | set(SWITCHES) == {field.name for field in fields(Options)} == set(DEFAULTS)
    assert all(allowed.meaning for allowed in RANGES.values())
    assert all(SWITCHES.values())


def test_defaults_are_accepted() -> None:
    assert Options() == Options.of({}) == Options.of(DEFAULTS)


@pytest.mark.parametrize("name", NAMES)
def test_both_ends_of_a_range_are_accepted(name: str) -> None:
    low, high = RANGES[name].low, RANGES[name].high
    for value in (low, high):
        given_value = int(value) if name in WHOLE else value
        assert getattr(Options.of({name: given_value}), name) == given_value


def refusal(name: str, value: Any) -> InputError:
    with pytest.raises(InputError) as error:
        Options.of({name: value})
    assert name in error.value.message
    assert f"{RANGES[name].low:g}" in error.value.hint
    assert RANGES[name].meaning in error.value.hint
    return error.value


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, deadline=None)
@given(st.data())
def test_what_is_out_of_range_is_refused(name: str, data: st.DataObject) -> None:
    allowed = RANGES[name]
    if name in WHOLE:
        value: float = data.draw(
            st.integers(max_value=int(allowed.low) - 1, min_value=-(10**15))
            | st.integers(int(allowed.high) + 1, 10**15)
        )
    else:
        value = data.draw(
            st.floats(max_value=allowed.low, exclude_max=True) | st.floats(min_value=allowed.high, exclude_min=True)
        )
    refusal(name, value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", [math.nan, "1", [1], True, 1 + 2j], ids=repr)
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    assert "number" in refusal(name, value).message


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_must_be_whole_is_not_rounded(name: str) -> None:
    assert "whole" in refusal(name, RANGES[name].low + 0.5).message


@pytest.mark.parametrize("name", sorted(WHOLE | {"expand_ratio", "fps"}))
def test_a_huge_whole_number_is_refused_like_any_other(name: str) -> None:
    refusal(name, 10**400)


@pytest.mark.parametrize("name", sorted(SWITCHES))
@pytest.mark.parametrize("value", ["yes", 1, None])
def test_a_switch_is_on_or_off(name: str, value: Any) -> None:
    with pytest.raises(InputError) as error:
        Options.of({name: value})
    assert name in error.value.message


@pytest.mark.parametrize("name", sorted(name for name in NAMES if DEFAULTS[name] is not None))
def test_an_option_with_a_default_cannot_be_none(name: str) -> None:
    refusal(name, None)


def test_an_unknown_name_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(InputError) as error:
        Options.of({"dynamic_scale": 1.0, "dynamics_scale": 1.0})
    assert "dynamics_scale" in error.value.message
    assert all(name in error.value.hint for name in DEFAULTS)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.speech(tmp_path_factory.mktemp("spoken") / "speech.wav")


def followed(sound: Path, folder: Path, rate: int = 25, **options: Any) -> tuple[MotionTrack, float]:
    """The motion track of a sound, and how long the sound of the video is in seconds."""
    wanted = Options(**options)
    with open_sound(sound, limit_s=wanted.duration) as reader:
        voice = Voice(reader, load_motion_model(), Fraction(rate), wanted, folder / "sound.mp4", Job())
        voice.run()
    assert voice.frames is not None
    track = voice.part(0, voice.frames)
    assert track is not None
    heard, sample_rate = sounds.read(folder / "sound.mp4")
    return track, heard.shape[1] / sample_rate


@pytest.mark.parametrize("offset_ms", [-200.0, 120.0, 400.0])
def test_offset_ms_moves_the_mouth_and_not_the_sound(spoken: Path, tmp_path: Path, offset_ms: float) -> None:
    fixed = {"lip_sync_correction": False}
    plain, length = followed(spoken, tmp_path, **fixed)
    moved, same_length = followed(spoken, tmp_path, offset_ms=offset_ms, **fixed)
    assert len(moved) == len(plain)
    assert same_length == pytest.approx(length, abs=0.03)
    shift = round(offset_ms / 40)
    lags = list(range(-14, 15))
    likeness = [np.corrcoef(np.roll(plain.opening, lag), moved.opening)[0, 1] for lag in lags]
    assert lags[int(np.argmax(likeness))] == shift


@pytest.mark.parametrize("duration", [0.5, 1.0, 4.0])
def test_duration_trims_a_longer_sound_and_holds_a_shorter_one_at_rest(
    spoken: Path, tmp_path: Path, duration: float
) -> None:
    whole, length = followed(spoken, tmp_path)
    assert 1.2 < length < 3
    track, seconds = followed(spoken, tmp_path, duration=duration)
    assert len(track) == round(duration * 25)
    assert seconds == pytest.approx(duration, abs=0.05)
    both = min(len(track), len(whole)) - 4
    assert np.abs(track.opening[:both] - whole.opening[:both]).max() < 0.05
    if duration > length:
        assert track.vad[len(whole) + 1 :].max() < 0.1
        assert track.opening[len(whole) + 1 :].max() < 0.1


@pytest.mark.parametrize("fps", [10, 50])
def test_fps_gives_the_track_so_many_frames(spoken: Path, tmp_path: Path, fps: int) -> None:
    track, _ = followed(spoken, tmp_path, rate=fps)
    samples, sample_rate = sounds.read(spoken)
    assert track.fps == fps
    assert -0.02 <= len(track) / fps - samples.shape[1] / sample_rate <= 1 / fps
