"""Tracks become performances: options do what they say, closures stay closures, parts fit together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline.animate import CONTEXT_S, Animator, smoothed
from appliance.pipeline.modes import Mode
from appliance.pipeline.options import Options
from appliance.pipeline.performance import Performance
from appliance.pipeline.track import VISEMES, MotionTrack

MOUTH = slice(Mode.OPEN, Mode.CHEEK)
HEAD = slice(Mode.BROW, Mode.ROLL + 1)


def track(count: int = 100, fps: float = 25, **curves: Any) -> MotionTrack:
    """A steady vowel, but for the curves given."""
    table = {"opening": 0.5, "closure": 0.0, "width": 0.0, "rounding": 0.0, "vad": 1.0} | curves
    viseme = np.broadcast_to(np.asarray(table.pop("viseme", VISEMES.index("A")), np.int32), count).copy()
    filled = {name: np.broadcast_to(np.asarray(value, np.float32), count).copy() for name, value in table.items()}
    return MotionTrack(fps, viseme=viseme, **filled)


def babble(seed: int, count: int, fps: float = 25) -> MotionTrack:
    """A random track with closures, pauses and every viseme."""
    random = np.random.default_rng(seed)

    def curve(low: float, high: float) -> Any:
        return np.interp(
            np.arange(count), np.arange(0, count + 4, 3), random.uniform(low, high, len(range(0, count + 4, 3)))
        )

    closure = (random.random(count) < 0.12).astype(np.float32)
    vad = np.repeat((random.random(count // 9 + 1) < 0.8).astype(np.float32), 9)[:count]
    return track(
        count,
        fps,
        opening=curve(0, 1),
        closure=closure,
        width=curve(-1, 1),
        rounding=curve(-0.3, 1),
        vad=vad,
        viseme=random.integers(0, len(VISEMES), count),
    )


def perform(motion: MotionTrack, first: int = 0, **options: Any) -> Performance:
    return Animator.of(Options(**options)).perform(motion, first, start=first, stop=first + len(motion))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([5.0, 12.5, 24.0, 25.0, 29.97, 60.0]), st.integers(4, 60), st.booleans())
def test_a_part_comes_out_as_in_the_whole(seed: int, fps: float, length: int, smooth: bool) -> None:
    motion = babble(seed, 150, fps)
    whole = perform(motion, smooth_motion=smooth)
    animator = Animator.of(Options(smooth_motion=smooth))
    # As the renderer cuts: in fours, and with this much before and after.
    length, context = length // 4 * 4, round(CONTEXT_S * fps / 4 + 1) * 4
    for start in range(0, len(motion), length):
        stop, first = min(start + length, len(motion)), max(0, start - context)
        part = animator.perform(motion[first : stop + context], first, start=start, stop=stop)
        assert len(part) == stop - start
        for name in ("modes", "tongue", "blink"):
            assert np.abs(getattr(part, name) - getattr(whole, name)[start:stop]).max() < 1e-6, name


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.6])
def test_dynamic_scale_opens_the_mouth_wider(scale: float) -> None:
    motion = track(opening=np.linspace(0, 0.6, 100))
    plain, scaled = perform(motion), perform(motion, dynamic_scale=scale)
    assert np.allclose(scaled.modes[:, Mode.OPEN], scale * plain.modes[:, Mode.OPEN], atol=1e-5)
    assert np.array_equal(scaled.modes[:, HEAD], plain.modes[:, HEAD])


def test_no_scale_tears_the_mouth() -> None:
    assert perform(track(opening=1.0), dynamic_scale=2.0).modes[:, Mode.OPEN].max() <= 1


@pytest.mark.parametrize("scale", [0.0, 0.5, 2.0])
def test_motion_scale_moves_head_brows_and_cheeks_and_not_the_mouth(scale: float) -> None:
    motion = babble(3, 120)
    plain, scaled = perform(motion), perform(motion, motion_scale=scale)
    assert np.array_equal(scaled.modes[:, MOUTH], plain.modes[:, MOUTH])
    assert np.allclose(scaled.modes[:, Mode.CHEEK :], scale * plain.modes[:, Mode.CHEEK :], atol=1e-5)
    assert np.abs(plain.modes[:, HEAD]).max(0).min() > 1e-3
    assert np.array_equal(scaled.blink, plain.blink)


def test_the_seed_decides_head_and_blinks_and_nothing_else() -> None:
    motion = babble(4, 400)
    one, again, other = perform(motion, seed=1), perform(motion, seed=1), perform(motion, seed=2)
    assert np.array_equal(one.modes, again.modes)
    assert np.array_equal(one.blink, again.blink)
    assert np.array_equal(one.modes[:, MOUTH], other.modes[:, MOUTH])
    assert not np.array_equal(one.blink, other.blink)
    assert np.abs(one.modes[:, HEAD] - other.modes[:, HEAD]).max() > 0.005


def test_smoothing_has_no_lag_and_takes_out_jitter() -> None:
    random = np.random.default_rng(0)
    times = np.arange(400) / 25
    clean = 0.5 + 0.3 * np.sin(2 * np.pi * 1.1 * times) + 0.1 * np.sin(2 * np.pi * 2.3 * times + 1)
    noisy = track(400, opening=clean + 0.08 * random.standard_normal(400))
    after = smoothed(noisy).opening
    lags = list(range(-4, 5))
    likeness = [np.corrcoef(np.roll(after, -lag)[10:-10], noisy.opening[10:-10])[0, 1] for lag in lags]
    assert lags[int(np.argmax(likeness))] == 0
    assert likeness[3] == pytest.approx(likeness[5], abs=0.03)
    assert np.abs(np.diff(after, 2)).mean() < 0.7 * np.abs(np.diff(noisy.opening, 2)).mean()
    assert np.abs(after - clean).mean() < np.abs(noisy.opening - clean).mean()


def test_smoothing_never_fills_a_closure_nor_leaks_across_it() -> None:
    opening = np.full(41, 0.9, np.float32)
    closure = np.zeros(41, np.float32)
    closure[20], opening[20] = 1, 0.1
    before = track(41, opening=opening, closure=closure)
    after = smoothed(before)
    assert after.opening[20] == before.opening[20]
    assert np.allclose(after.opening[:20], 0.9)
    assert np.allclose(after.opening[21:], 0.9)
    # What is said after the closure does not show before it.
    opening[21:] = np.linspace(0, 1, 20)
    assert np.array_equal(smoothed(track(41, opening=opening, closure=closure)).opening[:20], after.opening[:20])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_smoothing_leaves_closures_and_the_other_curves(seed: int) -> None:
    before = babble(seed, 80)
    after = smoothed(before)
    shut = before.closure > 0.5
    for name in ("opening", "width", "rounding"):
        assert np.array_equal(getattr(after, name)[shut], getattr(before, name)[shut])
        assert getattr(after, name).min() >= getattr(before, name).min() - 1e-6
        assert getattr(after, name).max() <= getattr(before, name).max() + 1e-6
    for name in ("closure", "vad", "viseme"):
        assert np.array_equal(getattr(after, name), getattr(before, name))


@pytest.mark.parametrize("smooth", [True, False])
def test_a_closure_of_a_single_frame_seals_the_lips(smooth: bool) -> None:
    closure = np.zeros(40, np.float32)
    closure[20] = 1
    done = perform(track(40, opening=0.9, closure=closure), smooth_motion=smooth).modes
    assert done[20, Mode.PRESS] == pytest.approx(1)
    assert done[20, Mode.OPEN] == done[20, Mode.OPEN_ROUND] == 0
    assert done[10, Mode.OPEN] > 0.8
    assert done[10, Mode.PRESS] == 0
    # Lips part no faster than lips do.
    assert (np.diff(done[20:24, Mode.OPEN]) > 0).all()
    assert done[21, Mode.OPEN] < 0.7


def test_silence_is_a_living_closed_mouth() -> None:
    quiet = perform(MotionTrack.at_rest(25, 500))
    assert (quiet.modes[:, Mode.SEAL] == 1).all()
    assert np.abs(quiet.modes[:, MOUTH]).max() == 0
    assert quiet.tongue.max() < 0.01
    assert quiet.blink.max() > 0.9
    assert np.ptp(quiet.modes[:, HEAD], axis=0).min() > 1e-3


def test_a_mouth_does_not_move_with_what_is_no_speech() -> None:
    assert perform(track(vad=0.05, opening=0.9, rounding=0.8, width=1.0)).modes[:, MOUTH].max() == 0


def test_rounding_chooses_how_the_mouth_opens() -> None:
    flat, round_ = perform(track(rounding=0.0)).modes[50], perform(track(rounding=1.0, width=1.0)).modes[50]
    assert flat[Mode.OPEN] == pytest.approx(0.5, abs=0.01)
    assert flat[Mode.OPEN_ROUND] == flat[Mode.ROUND] == 0
    assert round_[Mode.OPEN_ROUND] == pytest.approx(0.5, abs=0.01)
    assert round_[Mode.ROUND] > 0.9
    assert round_[Mode.OPEN] == round_[Mode.WIDE] == 0


@pytest.mark.parametrize(("viseme", "mode"), [("FV", Mode.TUCK), ("TH", None), ("ALV", None)])
def test_visemes_that_are_seen_are_shown(viseme: str, mode: Mode | None) -> None:
    shown = np.full(60, VISEMES.index("A"))
    shown[28:32] = VISEMES.index(viseme)
    done = perform(track(60, viseme=shown))
    curve = done.tongue if mode is None else done.modes[:, mode]
    assert curve[29] > 0.6
    assert curve[:24].max() == curve[36:].max() == 0
    # The neighbours already move towards it.
    assert 0 < curve[27] < curve[29]
    if mode is Mode.TUCK:
        assert done.modes[29, Mode.OPEN] < 0.5 * done.modes[10, Mode.OPEN]


def test_brows_rise_and_the_head_nods_on_a_stressed_word() -> None:
    opening = np.full(150, 0.2, np.float32)
    opening[70:78] = 1
    plain, stressed = perform(track(150, opening=0.2)), perform(track(150, opening=opening))
    gain = stressed.modes - plain.modes
    assert gain[74, Mode.BROW] > 0.1
    assert gain[74, Mode.HEAD_Y] > 0.005
    assert np.abs(gain[20, HEAD]).max() < 1e-3


@pytest.mark.parametrize(("fps", "held"), [(25.0, True), (30.0, True), (12.0, False)])
def test_at_high_rates_the_head_moves_on_even_frames_only(fps: float, held: bool) -> None:
    head = perform(babble(5, 100, fps), first=8).modes[:, HEAD]
    same = (head[0::2] == head[1::2]).all(1)
    assert same.all() if held else not same.any()
    assert len(np.unique(head, axis=0)) >= 20
