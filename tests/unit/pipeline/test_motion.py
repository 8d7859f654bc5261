"""Sound to motion: streaming, timing, robustness, and what the shipped network can do on voices it never heard."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline.motion import LOOK_AHEAD_S, MotionModel, load_motion_model
from appliance.pipeline.track import CURVES, MotionTrack

Samples = NDArray[np.float32]


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return load_motion_model()


def babble(seconds: float, seed: int = 0) -> Samples:
    """Noise that comes and goes like syllables: not speech, but it makes every curve move."""
    random = np.random.default_rng(seed)
    loudness = np.repeat(random.random(math.ceil(seconds * 8)), 2000)[: int(seconds * 16000)]
    tone = np.sign(np.sin(2 * np.pi * 120 * np.arange(len(loudness)) / 16000))
    return (0.2 * loudness * (tone + random.standard_normal(len(loudness)) * 0.2)).astype(np.float32)


def heard(model: MotionModel, samples: Samples, fps: float = 25.0, blocks: list[int] | None = None) -> MotionTrack:
    stream, parts, start = model.stream(fps), [], 0
    for size in blocks or []:
        parts.append(stream.push(samples[start : start + size]))
        start += size
    parts += [stream.push(samples[start:]), stream.finish()]
    return MotionTrack.joined(parts)


def assert_same(one: MotionTrack, other: MotionTrack, tolerance: float) -> None:
    assert len(one) == len(other)
    for name in CURVES:
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=tolerance, err_msg=name)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 9000), max_size=12))
def test_streaming_equals_offline_whatever_the_blocks(blocks: list[int]) -> None:
    samples, model = babble(4.0), load_motion_model()
    assert_same(heard(model, samples, blocks=blocks), heard(model, samples), 1e-4)


def test_long_and_tiny_blocks_equal_offline(model: MotionModel) -> None:
    samples = babble(25.0)
    assert_same(heard(model, samples, blocks=[333] * 1000), heard(model, samples), 1e-4)


@pytest.mark.parametrize("fps", [1, 10, 23.976, 25, 29.97, 30, 50, 60, 100])
@pytest.mark.parametrize("count", [1, 159, 160, 639, 640, 641, 16000, 50123])
def test_the_track_is_as_long_as_the_sound(model: MotionModel, fps: float, count: int) -> None:
    assert len(heard(model, babble(4.0)[:count], fps)) == math.ceil(count / 16000 * fps)


def test_nothing_heard_is_no_frame(model: MotionModel) -> None:
    assert len(heard(model, np.zeros(0, np.float32))) == 0


@pytest.mark.parametrize("fps", [24.0, 25.0, 30.0, 60.0])
def test_a_frame_is_out_within_the_look_ahead(model: MotionModel, fps: float) -> None:
    assert LOOK_AHEAD_S < 0.47
    stream, samples, frames = model.stream(fps), babble(3.0), 0
    for start in range(0, len(samples), 16):
        frames += len(stream.push(samples[start : start + 16]))
        shown_until = (frames + 0.5) / fps
        assert start / 16000 - shown_until < LOOK_AHEAD_S + 0.002


def test_what_comes_later_does_not_change_a_frame(model: MotionModel) -> None:
    one = babble(3.0)
    other = one.copy()
    other[32000:] = babble(1.0, seed=7)
    until = math.floor((2.0 - LOOK_AHEAD_S) * 25 - 0.5)
    assert_same(heard(model, one)[:until], heard(model, other)[:until], 1e-5)


def test_torch_and_onnxruntime_give_the_same_track(model: MotionModel) -> None:
    pytest.importorskip("torch")
    samples = babble(6.0)
    other = load_motion_model(engine="torch")
    assert (model.engine, other.engine) == ("onnxruntime", "torch")
    assert_same(heard(other, samples, blocks=[5000] * 3), heard(model, samples), 1e-3)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(48000, np.float32),
        np.full(48000, 0.3, np.float32),
        np.random.default_rng(0).standard_normal(48000).astype(np.float32) * 1e-5,
    ],
    ids=["digital silence", "direct current", "converter noise"],
)
def test_silence_keeps_the_mouth_shut(model: MotionModel, samples: Samples) -> None:
    # Direct current begins and ends with a click.
    track = heard(model, samples)[5:-5]
    assert track.opening.max() < 0.1
    assert track.vad.max() < 0.5
    assert (track.viseme == 0).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 3e38])
def test_poison_does_not_last(model: MotionModel, value: float) -> None:
    samples = babble(12.0)
    poisoned = samples.copy()
    poisoned[16000:17000] = value
    track, clean = heard(model, poisoned), heard(model, samples)
    for name in CURVES:
        assert np.isfinite(getattr(track, name)).all()
    assert len(track) == len(clean)


def test_curves_stay_in_their_range(model: MotionModel) -> None:
    track = heard(model, np.clip(babble(5.0) * 50, -1, 1).astype(np.float32))
    for name in ("opening", "closure", "rounding", "vad"):
        assert getattr(track, name).min() >= 0
        assert getattr(track, name).max() <= 1
    assert np.abs(track.width).max() <= 1


def test_a_stream_keeps_nothing_of_the_past(model: MotionModel) -> None:
    stream, sizes = model.stream(25.0), []
    for seed in range(12):
        stream.push(babble(2.0, seed=seed))
        arrays = [*stream._state, stream._waiting, stream._mel._pending, stream._frames._kept]
        sizes.append(sum(array.nbytes for array in arrays))
    assert max(sizes[2:]) <= sizes[1] + 4096


def test_a_finished_stream_takes_no_more(model: MotionModel) -> None:
    stream = model.stream(25.0)
    stream.push(babble(0.5))
    stream.finish()
    with pytest.raises(ValueError, match="finished"):
        stream.push(babble(0.5))


@pytest.mark.parametrize("fps", [0, -5, 101, float("nan")])
def test_impossible_frame_rates_are_refused(model: MotionModel, fps: float) -> None:
    with pytest.raises(InputError, match="frame rate"):
        model.stream(fps)


def test_unknown_engine_and_device_are_refused() -> None:
    with pytest.raises(InputError, match="no engine 'abacus'"):
        load_motion_model(engine="abacus")
    with pytest.raises(InputError, match="no device 'npu'"):
        load_motion_model(device="npu")


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine\.safetensors is missing"):
        load_motion_model(tmp_path / "mine.safetensors")
