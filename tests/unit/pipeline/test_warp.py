"""Inverse warps: the identity at rest, a fixed point that more steps come nearer to, maps that agree on every part."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline.face_frame import Box, Floats, pixel_centres
from appliance.pipeline.modes import Mode
from appliance.pipeline.rig import nodes
from appliance.pipeline.warp import Warp
from tests import faces

BOX: Box = (20, 40, 84, 120)
WHOLE: Box = (0, 0, 64, 80)
STEP = 4


def full(warp: Warp, part: Box = WHOLE) -> Floats:
    """Where the luma of a box comes from [h, w, 2], as OpenCV counts: from pixel centres."""
    return np.stack(warp.luma(part), -1)


def half(warp: Warp, part: Box = WHOLE) -> Floats:
    """The same for chroma [h/2, w/2, 2]."""
    return np.stack(warp.chroma(part), -1)


def bump(places: Floats, steepness: float = 0.5) -> Floats:
    """A smooth displacement [..., 2] that is zero at the edges, as steep as `steepness`."""
    x, y = (places[..., 0] - 20) / 64, (places[..., 1] - 40) / 80
    height = np.sin(np.pi * np.clip(x, 0, 1)) ** 2 * np.sin(np.pi * np.clip(y, 0, 1)) ** 2
    return np.stack([0 * height, steepness * 80 / np.pi * height], -1).astype(np.float32)


def synthetic(steps: int) -> Warp:
    return Warp(bump(nodes(BOX, STEP))[None], BOX, STEP, steps)


@pytest.mark.parametrize("steps", [1, 3, 16])
def test_at_rest_every_pixel_is_its_own_source(steps: int) -> None:
    warp = synthetic(steps)
    warp.move(np.zeros(1, np.float32))
    assert np.allclose(full(warp), pixel_centres(BOX) - 0.5, atol=1e-3)
    assert np.allclose(half(warp), pixel_centres((10, 20, 42, 60)) - 0.5, atol=1e-3)


def test_a_uniform_shift_looks_back_by_as_much() -> None:
    shift = np.broadcast_to(np.array([3.0, -2.0], np.float32), nodes(BOX, STEP).shape)
    warp = Warp(shift[None].copy(), BOX, STEP, 3)
    warp.move(np.array([2.0], np.float32))
    assert np.allclose(full(warp), pixel_centres(BOX) - 0.5 - (6, -4), atol=1e-3)
    assert np.allclose(half(warp), pixel_centres((10, 20, 42, 60)) - 0.5 - (3, -2), atol=1e-3)


def residual(steps: int) -> float:
    """How far the sources, moved forward by the mode itself, land from their pixels: the worst, pixels."""
    warp = synthetic(steps)
    warp.move(np.ones(1, np.float32))
    sources = full(warp) + 0.5
    return float(np.abs(sources + bump(sources) - pixel_centres(BOX)).max())


def test_more_steps_land_nearer() -> None:
    residuals = [residual(steps) for steps in (1, 2, 3, 4)]
    assert all(later < earlier for earlier, later in pairwise(residuals)), residuals
    assert residuals[0] > 2
    assert residuals[-1] < 1


@pytest.mark.parametrize("name", faces.BOTH)
def test_more_steps_land_a_real_lower_lip_nearer_to_its_place(name: str) -> None:
    face = faces.BOTH[name]()
    rig = face.rig
    coefficients = faces.pose(OPEN=1.0).modes[0]
    left, top, right, bottom = rig.low_box
    forward = np.tensordot(coefficients, rig.low_basis, 1).astype(np.float32)

    def moved(places: Floats) -> Floats:
        at = ((places - (left, top)) / rig.step + 0.5).astype(np.float32)
        found = cv2.remap(forward, at[:, None, 0].copy(), at[:, None, 1].copy(), cv2.INTER_LINEAR)
        return np.asarray(places + found[:, 0], np.float32)

    lip = face.frame.pixels(np.concatenate([face.mouth.lower_inner, face.mouth.lower_outer])[1:-1])
    lands = moved(lip)
    misses = []
    for steps in (1, 2, 4, 8):
        warp = Warp(rig.low_basis, rig.low_box, rig.step, steps)
        warp.move(coefficients)
        sources = full(warp, (0, 0, right - left, bottom - top))
        at = (lands - (left, top) - 0.5).astype(np.float32)
        shown = cv2.remap(sources, at[:, None, 0].copy(), at[:, None, 1].copy(), cv2.INTER_LINEAR)[:, 0] + 0.5
        misses.append(float(np.linalg.norm(shown - lip, axis=1).mean()))
    assert all(later < earlier for earlier, later in pairwise(misses)), misses
    assert misses[0] > 1
    assert misses[-1] < 0.5


even = st.integers(0, 39).map(lambda value: 2 * value)


@settings(max_examples=30, deadline=None)
@given(even, even, even, even)
def test_the_map_of_a_part_is_part_of_the_map(a: int, b: int, c: int, d: int) -> None:
    left, right = sorted((min(a, 64), min(b, 64)))
    top, bottom = sorted((c, d))
    if right == left or bottom == top:
        right, bottom = left + 2, top + 2
        if right > 64 or bottom > 80:
            return
    warp = synthetic(3)
    warp.move(np.array([0.8], np.float32))
    part = left, top, right, bottom
    assert full(warp, part).shape == (bottom - top, right - left, 2)
    assert np.allclose(full(warp, part), full(warp)[top:bottom, left:right], atol=1e-3)
    assert np.allclose(half(warp, part), half(warp)[top // 2 : bottom // 2, left // 2 : right // 2], atol=1e-3)


@pytest.mark.parametrize("name", faces.BOTH)
def test_spans_hold_all_that_moves(name: str) -> None:
    rig = faces.BOTH[name]().rig
    warp = Warp(rig.skin_basis, rig.skin_box, rig.step, 3)
    for mode in (Mode.OPEN, Mode.WIDE, Mode.BROW):
        reach = np.where(np.arange(len(Mode)) == mode, 1.0, 0.0).astype(np.float32)
        spans = warp.spans(reach, 0.3)
        still = np.ones((rig.skin_box[3] - rig.skin_box[1], rig.skin_box[2] - rig.skin_box[0]), bool)
        for left, top, right, bottom in spans:
            assert all(side % 2 == 0 for side in (left, top, right, bottom))
            still[top:bottom, left:right] = False
        warp.move(0.5 * reach)
        sources = full(warp, (0, 0, still.shape[1], still.shape[0]))
        motion = np.abs(sources + 0.5 - pixel_centres(rig.skin_box)).max(-1)
        # A cell's pixels lie between its node and the next ones, which may move more.
        assert motion[still].max(initial=0) < 3 * 0.5 * 0.3
        assert motion[~still].max() > 2


def test_nothing_moves_without_a_reach() -> None:
    assert synthetic(3).spans(np.zeros(1, np.float32), 0.1) == []
