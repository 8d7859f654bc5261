"""The face's frame turns with the face and inverts exactly; splines pass through their points."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline.face_frame import FaceFrame, pixel_centres, smoothstep, thin_plate
from appliance.pipeline.landmarks import Points, group
from tests import faces

SMALL = settings(max_examples=25, deadline=None)
angles = st.floats(-0.6, 0.6)
scales = st.floats(0.3, 4)
shifts = st.tuples(st.floats(-900, 900), st.floats(-900, 900))


def moved(points: Points, angle: float, scale: float, shift: tuple[float, float]) -> Points:
    turn = scale * np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    return (points @ turn + shift).astype(np.float32)


def test_the_frame_lies_on_the_mouth_of_an_upright_face() -> None:
    face = faces.drawn()
    corners = group(face.points, "lips_upper_outer")[[0, -1]]
    assert np.allclose(face.frame.origin, corners.mean(0), atol=1e-3)
    assert np.allclose(face.frame.ex, [1, 0], atol=1e-3)
    assert np.allclose(face.frame.ey, [0, 1], atol=1e-3)
    chin = face.frame.local(group(face.points, "chin"))[0]
    eyes = face.frame.local(group(face.points, "left_eye_upper"))
    assert chin[1] > 0 > eyes[:, 1].max()


@SMALL
@given(angles, scales, shifts)
def test_the_frame_follows_turning_scaling_and_shifting(angle: float, scale: float, shift: tuple[float, float]) -> None:
    points = faces.drawn().points
    before, after = FaceFrame.of(points), FaceFrame.of(moved(points, angle, scale, shift))
    assert after.unit == pytest.approx(scale * before.unit, rel=1e-3)
    assert after.mouth == pytest.approx(scale * before.mouth, rel=1e-3)
    assert np.linalg.norm(after.ex) == pytest.approx(1, abs=1e-5)
    assert after.ex @ after.ey == pytest.approx(0, abs=1e-5)
    # What a place is in the face's own coordinates does not change but for the scale.
    assert np.allclose(after.local(moved(points, angle, scale, shift)), scale * before.local(points), atol=0.02 * scale)


@SMALL
@given(angles, scales, shifts)
def test_local_coordinates_invert(angle: float, scale: float, shift: tuple[float, float]) -> None:
    points = moved(faces.drawn().points, angle, scale, shift)
    frame = FaceFrame.of(points)
    assert np.allclose(frame.pixels(frame.local(points)), points, atol=2e-3)
    step = np.array([[3.0, -2.0]], np.float32)
    assert np.allclose(frame.turned(step), frame.pixels(step) - frame.origin, atol=1e-3)


def test_a_smile_widens_the_mouth_less_than_it_spreads_the_corners() -> None:
    points = faces.drawn().points.copy()
    neutral = FaceFrame.of(points)
    corners = [int(i) for name in ("lips_upper_outer", "lips_upper_inner") for i in _ends(name)]
    points[corners, 0] += np.sign(points[corners, 0] - neutral.origin[0]) * 10
    assert 0 < FaceFrame.of(points).mouth - neutral.mouth < 15
    assert FaceFrame.of(points).unit == pytest.approx(neutral.unit, abs=0.5)


def _ends(name: str) -> list[int]:
    from appliance.pipeline.landmarks import GROUPS

    return [int(GROUPS[name][0]), int(GROUPS[name][-1])]


@SMALL
@given(st.integers(0, 10_000))
def test_a_thin_plate_passes_through_its_points_and_keeps_affine_maps(seed: int) -> None:
    random = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(4.0)), -1).reshape(-1, 2) * 40
    centres = (grid + random.uniform(-12, 12, grid.shape)).astype(np.float32)
    places = random.uniform(-20, 180, (30, 2)).astype(np.float32)
    values = random.normal(size=(len(centres), 3)).astype(np.float32)
    assert np.allclose(thin_plate(centres, values, centres, stiffness=1e-9), values, atol=0.02)
    # The usual stiffness lets a surface miss its points by no more than what nobody sees.
    assert np.abs(thin_plate(centres, values, centres) - values).max() < 0.1 * np.ptp(values)
    affine = random.normal(size=(2, 2)).astype(np.float32)
    assert np.allclose(thin_plate(centres, centres @ affine + 7, places), places @ affine + 7, atol=0.5)


@SMALL
@given(st.floats(-50, 50), st.floats(0.01, 50))
def test_smoothstep_rises_from_nothing_to_one(low: float, width: float) -> None:
    x = np.linspace(low - width, low + 2 * width, 61)
    values = smoothstep(low, low + width, x)
    assert values[0] == 0
    assert values[-1] == 1
    assert (np.diff(values) >= 0).all()
    assert values[30] == pytest.approx(0.5, abs=1e-3)


def test_pixel_centres_lie_at_halves() -> None:
    centres = pixel_centres((4, 10, 7, 12))
    assert centres.shape == (2, 3, 2)
    assert centres[0, 0].tolist() == [4.5, 10.5]
    assert centres[-1, -1].tolist() == [6.5, 11.5]
