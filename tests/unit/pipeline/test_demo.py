"""The demo avatar: its picture and its landmarks agree, at every size."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline import landmarks
from appliance.pipeline.demo import draw_demo
from appliance.pipeline.landmarks import GROUPS, Points, group

Picture = NDArray[np.uint8]

CHAINS = ("lips_upper_outer", "lips_upper_inner", "lips_lower_inner", "lips_lower_outer", "jaw")
LIDS_AND_BROWS = tuple(
    f"{side}_{part}" for side in ("right", "left") for part in ("eye_upper", "eye_lower", "brow_upper", "brow_lower")
)


@cache
def drawn(size: int) -> tuple[Picture, Points]:
    return draw_demo(size)


@pytest.fixture
def points() -> Points:
    return drawn(512)[1]


@pytest.fixture
def picture() -> Picture:
    return drawn(512)[0]


def _lab(picture: Picture, x: float, y: float) -> NDArray[np.float64]:
    """The mean CIELAB colour of the 5 x 5 pixels around a place."""
    column, row = int(x), int(y)
    patch = picture[row - 2 : row + 3, column - 2 : column + 3].astype(np.float32) / 255
    lab: NDArray[np.float64] = cv2.cvtColor(patch, cv2.COLOR_BGR2Lab).mean(axis=(0, 1)).astype(np.float64)
    return lab


def test_the_same_size_gives_the_same_bytes() -> None:
    first, second = draw_demo(256), draw_demo(256)
    assert first[0].tobytes() == second[0].tobytes()
    assert first[1].tobytes() == second[1].tobytes()


@pytest.mark.parametrize("size", [256, 333, 512, 2048])
def test_picture_and_points_have_the_promised_form(size: int) -> None:
    picture, points = drawn(size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8
    assert points.shape == (landmarks.POINT_COUNT, 2)
    assert points.dtype == np.float32
    assert np.isfinite(points).all()
    assert (points > 0).all()
    assert (points < size).all()


def test_points_scale_exactly_with_the_picture(points: Points) -> None:
    np.testing.assert_allclose(drawn(2048)[1], 4 * points, rtol=1e-6)


def test_pictures_of_two_sizes_are_the_same_drawing(picture: Picture) -> None:
    reduced = cv2.resize(drawn(2048)[0], (512, 512), interpolation=cv2.INTER_AREA)
    blurred = [cv2.GaussianBlur(image, (0, 0), 1.5).astype(np.float32) for image in (reduced, picture)]
    assert np.abs(blurred[0] - blurred[1]).mean() < 1.5


@pytest.mark.parametrize("name", [*CHAINS, *LIDS_AND_BROWS])
def test_chains_run_from_left_to_right(points: Points, name: str) -> None:
    assert (np.diff(group(points, name)[:, 0]) > 0).all()


def test_the_oval_runs_clockwise_from_the_top_and_encloses_the_face(points: Points) -> None:
    oval = group(points, "oval")
    following = np.roll(oval, -1, axis=0)
    # With y down, a positive shoelace sum is clockwise.
    assert (oval[:, 0] * following[:, 1] - following[:, 0] * oval[:, 1]).sum() > 0
    assert oval[:, 1].argmin() == 0
    assert tuple(oval[18]) == tuple(group(points, "chin")[0])
    inner = np.setdiff1d(np.arange(landmarks.POINT_COUNT), GROUPS["oval"])
    assert all(cv2.pointPolygonTest(oval[:, None], (float(x), float(y)), False) > 0 for x, y in points[inner])


def test_features_lie_above_one_another_as_on_a_face(points: Points) -> None:
    order = ["right_brow_upper", "right_eye_upper", "right_eye_lower", "nose_tip", "nose_base"]
    order += ["lips_upper_outer", "lips_upper_inner", "lips_lower_outer", "chin_crease", "chin"]
    heights = [float(group(points, name)[:, 1].mean()) for name in order]
    assert heights == sorted(heights)


def test_the_subjects_right_is_the_pictures_left(points: Points) -> None:
    for part in ("eye_upper", "brow_upper"):
        assert group(points, f"right_{part}")[:, 0].max() < group(points, f"left_{part}")[:, 0].min()


def test_the_face_fills_its_share_of_the_picture(points: Points) -> None:
    oval = group(points, "oval")
    height = float(np.ptp(oval[:, 1])) / 512
    assert 0.38 < height < 0.5
    assert 0.65 < float(np.ptp(oval[:, 0])) / 512 / height < 0.95


def test_the_mouth_is_closed_and_its_seam_ends_inside_the_corners(points: Points) -> None:
    upper, lower = group(points, "lips_upper_inner"), group(points, "lips_lower_inner")
    np.testing.assert_array_equal(upper, lower)
    corners = group(points, "lips_upper_outer")[[0, -1], 0]
    assert corners[0] < upper[0, 0]
    assert upper[-1, 0] < corners[1]


def test_each_lip_has_some_thickness_everywhere_along_the_seam(points: Points) -> None:
    seam = group(points, "lips_upper_inner")[1:-1]
    for name, sign in (("lips_upper_outer", -1), ("lips_lower_outer", 1)):
        edge = group(points, name)
        thickness = sign * (np.interp(seam[:, 0], edge[:, 0], edge[:, 1]) - seam[:, 1])
        assert thickness.min() > 512 * 0.002
        assert thickness.max() > 512 * 0.014


@pytest.mark.parametrize("size", [512, 2048])
def test_the_seam_lies_on_the_darkest_line_of_the_mouth(size: int) -> None:
    picture, points = drawn(size)
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)
    reach = round(size * 0.012)
    for x, y in group(points, "lips_upper_inner")[2:-2]:
        column = grey[int(y) - reach : int(y) + reach + 1, int(x)]
        assert abs(int(column.argmin()) - reach) <= max(2, size * 0.003)
        assert column.min() > 25, "a soft line, not ink"


def test_lips_are_redder_and_darker_than_the_skin_around(picture: Picture, points: Points) -> None:
    seam = group(points, "lips_upper_inner")[5]
    upper, lower = group(points, "lips_upper_outer")[5], group(points, "lips_lower_outer")[5]
    skin = (_lab(picture, *group(points, "cheeks")[0]) + _lab(picture, *group(points, "chin_crease")[0])) / 2
    for edge in (upper, lower):
        lip = _lab(picture, *((seam + edge) / 2))
        assert lip[1] > skin[1] + 5
        assert lip[0] < skin[0] - 5


def test_eyes_are_open_with_a_dark_iris_on_a_light_ball(picture: Picture, points: Points) -> None:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    for side in ("right", "left"):
        upper, lower = group(points, f"{side}_eye_upper"), group(points, f"{side}_eye_lower")
        assert (lower[1:-1, 1] > upper[1:-1, 1]).all()
        x, y = (upper[4] + lower[4]) / 2
        assert grey[int(y), int(x)] < 90
        across = grey[int(y), int(upper[0, 0]) : int(upper[-1, 0])]
        assert across.max() > 190


def test_there_is_skin_between_lid_and_brow_for_a_blink(picture: Picture, points: Points) -> None:
    for side in ("right", "left"):
        lid, brow = group(points, f"{side}_eye_upper")[4], group(points, f"{side}_brow_lower")[2]
        opening = group(points, f"{side}_eye_lower")[4, 1] - lid[1]
        assert lid[1] - brow[1] > 0.8 * opening
        hue_a, hue_b = _lab(picture, *((lid + brow) / 2))[1:]
        assert 3 < hue_a < 35
        assert 8 < hue_b < 40


def test_the_jaw_is_where_skin_meets_the_dark_of_hair_or_neck(picture: Picture, points: Points) -> None:
    for x, y in group(points, "jaw")[4:-4]:
        inward = np.array([256.0, 256.0]) - (x, y)
        inward *= 9 / np.linalg.norm(inward)
        inside, outside = _lab(picture, x + inward[0], y + inward[1]), _lab(picture, x - inward[0], y - inward[1])
        assert inside[0] > outside[0] + 3


def test_gradients_do_not_band() -> None:
    background = drawn(2048)[0][60:124, 60:124].astype(np.float32)
    # Within a nearly flat patch an undithered gradient would leave rows of identical pixels.
    assert (np.abs(np.diff(background, axis=1)).sum(axis=2) > 0).mean() > 0.2
    assert np.ptp(background[..., 1]) < 24
