"""The mouth's curves: sealed or open as the picture shows, the seam on the darkest line."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from appliance.pipeline.face_frame import pixel_centres
from appliance.pipeline.landmarks import GROUPS
from appliance.pipeline.lips import Mouth
from tests import faces


def test_a_closed_mouth_has_one_seam() -> None:
    face = faces.drawn()
    mouth = Mouth.of(face.points, face.frame)
    assert not mouth.is_open
    assert np.array_equal(mouth.upper_inner, mouth.lower_inner)
    assert (mouth.gap == 0).all()


def test_a_smile_is_open_and_its_seams_stay_where_they_are() -> None:
    face = faces.smiling()
    mouth = Mouth.of(face.points, face.frame)
    assert mouth.is_open
    assert (mouth.gap >= 0).all()
    assert 0.1 * face.frame.mouth < mouth.gap.max() < 0.4 * face.frame.mouth
    assert mouth.snapped(face.rig.y, face.frame) is mouth


@pytest.mark.parametrize("name", faces.BOTH)
def test_lips_lie_in_order_from_top_to_bottom_and_left_to_right(name: str) -> None:
    mouth = faces.BOTH[name]().mouth
    middle = slice(2, -2)
    assert (mouth.upper_outer[middle, 1] < mouth.upper_inner[middle, 1]).all()
    assert (mouth.upper_inner[:, 1] <= mouth.lower_inner[:, 1]).all()
    assert (mouth.lower_inner[middle, 1] < mouth.lower_outer[middle, 1]).all()
    assert (np.diff(mouth.upper_inner[:, 0]) > 0).all()
    left, right = mouth.corner
    assert left < 0 < right


def test_a_little_gap_is_noise_of_the_landmarks() -> None:
    face = faces.drawn()
    points = face.points.copy()
    points[GROUPS["lips_lower_inner"][1:-1], 1] += 0.02 * face.frame.mouth
    assert not Mouth.of(points, face.frame).is_open
    points[GROUPS["lips_lower_inner"][1:-1], 1] += 0.1 * face.frame.mouth
    assert Mouth.of(points, face.frame).is_open


def _with_a_dark_line(shift: float) -> tuple[faces.Portrait, NDArray[np.uint8]]:
    """A face of even grey whose seam is drawn `shift` pixels below where the landmarks say."""
    face = faces.drawn()
    height, width = face.rig.y.shape
    local = face.frame.local(pixel_centres((0, 0, width, height)))
    sealed = Mouth.of(face.points, face.frame)
    line = np.interp(local[..., 0], sealed.upper_inner[:, 0], sealed.upper_inner[:, 1]) + shift
    depth = 90 * np.exp(-(((local[..., 1] - line) / 1.5) ** 2))
    return face, (160 - depth).astype(np.uint8)


@settings(max_examples=12, deadline=None)
@given(st.floats(-3, 3))
def test_the_seam_finds_the_darkest_line(shift: float) -> None:
    face, luma = _with_a_dark_line(shift)
    sealed = Mouth.of(face.points, face.frame)
    found = sealed.snapped(luma, face.frame)
    moved = found.upper_inner[2:-2, 1] - sealed.upper_inner[2:-2, 1]
    assert np.abs(moved - shift).max() <= 1.05  # it searches whole pixels
    assert np.array_equal(found.upper_inner, found.lower_inner)
    assert np.array_equal(found.upper_outer, sealed.upper_outer)


def test_without_any_line_the_seam_stays_at_the_landmarks() -> None:
    face = faces.drawn()
    sealed = Mouth.of(face.points, face.frame)
    flat = np.full(face.rig.y.shape, 120, np.uint8)
    assert np.allclose(sealed.snapped(flat, face.frame).upper_inner[1:-1], sealed.upper_inner[1:-1], atol=0.6)


def test_the_drawn_seam_lies_in_the_crease_of_the_drawing() -> None:
    face = faces.drawn()
    places = face.frame.pixels(face.mouth.upper_inner[2:-2])
    on_seam = _luma(face, places)
    for side in (-1, 1):
        beside = _luma(face, places + side * 0.06 * face.frame.mouth * face.frame.ey)
        assert (on_seam < beside).all()


def _luma(face: faces.Portrait, places: NDArray[np.floating]) -> NDArray[np.float32]:
    x, y = (np.ascontiguousarray(places[:, i : i + 1] - 0.5, np.float32) for i in (0, 1))
    return np.asarray(cv2.remap(face.rig.y, x, y, cv2.INTER_LINEAR)[:, 0], np.float32)
