"""The log-mel stream and the running level."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.pipeline.mel import BANDS, HOP, USUAL, WINDOW, Channel, Level, MelStream, log_mel


def voice(seconds: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return (random.standard_normal(int(seconds * 16000)) * 0.1).astype(np.float32)


def in_blocks(samples: np.ndarray, sizes: list[int], frames: int) -> np.ndarray:
    stream, parts, start = MelStream(), [], 0
    for size in sizes:
        parts.append(stream.push(samples[start : start + size]))
        start += size
    parts += [stream.push(samples[start:]), stream.finish(frames)]
    return np.concatenate(parts)


@pytest.mark.parametrize("sizes", [[1] * 50, [159, 160, 161, 0, 400], [7000, 3], [15999]])
def test_blocks_do_not_change_the_frames(sizes: list[int]) -> None:
    samples = voice(1.0)
    np.testing.assert_allclose(in_blocks(samples, sizes, 110), in_blocks(samples, [], 110), atol=1e-5)


def test_a_frame_is_centred_on_its_instant() -> None:
    samples = np.zeros(16000, np.float32)
    samples[50 * HOP + HOP // 2] = 1.0
    assert in_blocks(samples, [], 100).mean(axis=1).argmax() == 50


@pytest.mark.parametrize("hertz", [200, 1000, 4000])
def test_a_tone_lands_in_its_band(hertz: int) -> None:
    tone = np.sin(2 * np.pi * hertz * np.arange(WINDOW) / 16000).astype(np.float32)
    lowest, highest = 2595 * np.log10(1 + np.array([60.0, 7600.0]) / 700)
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    band = int(log_mel(tone)[0].argmax())
    assert edges[band] < hertz < edges[band + 2]


def test_poison_counts_as_silence() -> None:
    samples = voice(0.5)
    samples[1000:1400] = [np.nan, np.inf, -np.inf, 1e30] * 100
    assert np.isfinite(in_blocks(samples, [], 60)).all()


def test_the_level_hides_the_gain() -> None:
    mel = in_blocks(voice(1.0), [], 100)[2:98]
    quieter = in_blocks(voice(1.0) * 0.1, [], 100)[2:98]
    np.testing.assert_allclose(Level().relative(mel), Level().relative(quieter), atol=1e-3)


def test_the_level_does_not_lift_silence() -> None:
    silence = in_blocks(np.zeros(16000, np.float32), [], 100)
    assert (Level().relative(silence) < -8).all()


def test_the_level_does_not_depend_on_blocks() -> None:
    mel = in_blocks(voice(2.0), [], 200)
    level = Level()
    pieces = np.concatenate([level.relative(mel[:7]), level.relative(mel[7:7]), level.relative(mel[7:])])
    np.testing.assert_allclose(pieces, Level().relative(mel), atol=1e-5)


def spoken(frames: int, colour: np.ndarray) -> np.ndarray:
    """Frames as loud as a voice, of a given mean spectrum."""
    random = np.random.default_rng(5)
    return np.asarray(USUAL + colour + random.standard_normal((frames, BANDS)), np.float32)


def test_a_microphone_s_colour_is_taken_out() -> None:
    colour = np.linspace(-3, 3, BANDS)
    one, other = spoken(600, colour * 0), spoken(600, colour)
    early, late = slice(0, 5), slice(400, 600)
    heard = Channel().equalised(other) - Channel().equalised(one)
    assert abs(heard[early].mean(axis=0) - colour).max() < 0.6
    assert abs(heard[late].mean(axis=0)).max() < 0.45


def test_silence_says_nothing_about_the_channel() -> None:
    silence = np.full((500, BANDS), -12.0, np.float32)
    np.testing.assert_array_equal(Channel().equalised(silence), silence)


def test_the_channel_does_not_depend_on_blocks() -> None:
    mel = spoken(2500, np.linspace(-2, 2, BANDS))
    channel = Channel()
    pieces = np.concatenate([channel.equalised(part) for part in np.split(mel, [3, 3, 700, 1801])])
    np.testing.assert_allclose(pieces, Channel().equalised(mel), atol=1e-4)
