"""Faces are found where they are, large or small, and their landmarks stay on them."""

from __future__ import annotations

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.errors import CancelledError
from appliance.pipeline.face_views import Pyramid, letterboxed, search_plan
from appliance.pipeline.faces import Face, FaceDetector
from appliance.pipeline.landmarks import POINT_COUNT, group
from appliance.pipeline.progress import Job
from tests import assets, turned_heads

Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


@pytest.fixture(scope="module")
def portrait() -> Picture:
    return np.asarray(cv2.imread(str(assets.astronaut())), dtype=np.uint8)


@pytest.fixture(scope="module")
def face(detector: FaceDetector, portrait: Picture) -> Face:
    (found,) = detector.find(portrait)
    return found


def noise(width: int, height: int) -> Picture:
    """Grain over soft blotches."""
    rng = np.random.default_rng(1)
    blotches = cv2.resize(rng.uniform(60, 190, (9, 12, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(blotches + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8)


def deviation(one: Face, points: NDArray[np.float32]) -> float:
    """Mean distance of landmarks, as a share of the face's size."""
    return float(np.linalg.norm(one.points - points, axis=1).mean() / one.size)


def test_sees_the_portrait_as_it_is(face: Face) -> None:
    assert face.points.shape == (POINT_COUNT, 2)
    assert face.points.dtype == np.float32
    assert face.score > 0.99
    assert np.abs(np.subtract(face.box, (179, 70, 273, 177))).max() < 4
    assert abs(face.yaw) < 8
    assert abs(face.roll) < 8
    assert abs(face.pitch) < 20


def test_teeth_lie_between_the_inner_lips_and_red_between_inner_and_outer(face: Face, portrait: Picture) -> None:
    rims = ["lips_upper_outer", "lips_upper_inner", "lips_lower_inner", "lips_lower_outer"]
    whiteness = portrait.min(axis=2) / portrait.max(axis=2).clip(1)
    parts = []
    for above, below in itertools.pairwise(group(face.points, rim)[3:8] for rim in rims):
        mask = np.zeros(portrait.shape[:2], np.uint8)
        outline = np.concatenate([above, below[::-1]]) - 0.5
        cv2.fillPoly(mask, [(outline * 16).astype(np.int32)], 1, shift=4)
        parts.append(whiteness[mask > 0].mean())
    upper_lip, teeth, lower_lip = parts
    assert teeth > max(upper_lip, lower_lip) + 0.05


def test_an_eye_is_darker_than_the_cheek_below_it(face: Face, portrait: Picture) -> None:
    for side, cheek in (("right", 0), ("left", 1)):
        lids = [group(face.points, f"{side}_eye_{lid}")[4] for lid in ("upper", "lower")]
        x, y = np.mean(lids, axis=0).astype(int)
        cx, cy = group(face.points, "cheekbones")[cheek].astype(int)
        assert portrait[y, x].mean() < portrait[cy, cx].mean() - 40


@pytest.mark.parametrize(("degrees", "scale"), [(0, 2.0), (20, 1.0), (-30, 1.4), (10, 0.7)])
def test_landmarks_move_with_the_picture(
    detector: FaceDetector, portrait: Picture, face: Face, degrees: float, scale: float
) -> None:
    size = (int(512 * scale), int(512 * scale))
    move = cv2.getRotationMatrix2D((226, 124), degrees, scale)
    move[:, 2] = move[:, 2] + np.array(size) / 2 - (226, 124)
    (found,) = detector.find(np.asarray(cv2.warpAffine(portrait, move, size), dtype=np.uint8))
    expected = (face.points - 0.5) @ move[:, :2].T + move[:, 2] + 0.5
    assert deviation(found, expected.astype(np.float32)) < 0.015
    assert abs(found.roll - (face.roll - degrees)) < 4


def test_care_makes_the_landmarks_steadier(detector: FaceDetector, portrait: Picture) -> None:
    plain, careful = [], []
    for dx in range(0, 24, 3):
        moved = np.roll(portrait, dx, axis=1)
        (found,) = detector.find(moved)
        plain.append(found.points - (dx, 0))
        careful.append(detector.refined(moved, found).points - (dx, 0))
    assert np.std(careful, axis=0).mean() < 0.8 * np.std(plain, axis=0).mean()


@pytest.mark.parametrize("place", [(150, 200), (2700, 1800), (1333, 977)])
def test_finds_a_small_face_in_a_large_picture(
    detector: FaceDetector, portrait: Picture, place: tuple[int, int]
) -> None:
    picture = noise(3200, 2400)
    x, y = place
    picture[y : y + 256, x : x + 256] = portrait[:256, 100:356]
    (found,) = detector.find(picture)
    assert np.abs(np.subtract(found.box, (x + 79, y + 70, x + 173, y + 177))).max() < 6


def test_finds_a_face_that_fills_the_frame(detector: FaceDetector, portrait: Picture, face: Face) -> None:
    x0, y0, x1, y1 = (round(v) for v in face.box)
    picture = np.asarray(cv2.resize(portrait[y0:y1, x0:x1], None, fx=8, fy=8), dtype=np.uint8)
    (found,) = detector.find(picture)
    assert deviation(found, (face.points - (x0, y0)) * 8) < 0.03


def test_counts_faces_from_the_left(detector: FaceDetector, portrait: Picture) -> None:
    small = np.asarray(cv2.resize(portrait, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    picture = np.full((512, 1200, 3), 90, np.uint8)
    picture[:410, 60:470] = small
    picture[:, 600:1112] = portrait
    left, right = detector.find(picture)
    assert left.box[0] < right.box[0]
    assert left.size == pytest.approx(0.8 * right.size, rel=0.03)


def test_sees_no_face_where_there_is_none(detector: FaceDetector, portrait: Picture) -> None:
    assert detector.find(noise(900, 700)) == []
    assert detector.find(np.zeros((40, 2000, 3), np.uint8)) == []
    assert detector.find(np.full((2, 2, 3), 255, np.uint8)) == []
    assert detector.find(np.ascontiguousarray(portrait[250:])) == [], "a space suit is no face"


@pytest.mark.parametrize("degrees", [-45, -30, 30, 45])
def test_tells_how_far_a_head_is_turned(detector: FaceDetector, portrait: Picture, degrees: float) -> None:
    (found,) = detector.find(turned_heads.turned(portrait, degrees))
    assert found.yaw == pytest.approx(degrees, abs=9)


def test_follows_a_face_and_notices_when_it_is_gone(detector: FaceDetector, portrait: Picture, face: Face) -> None:
    followed = detector.follow(np.roll(portrait, 6, axis=1), face)
    assert followed is not None
    assert deviation(followed, face.points + np.array([6, 0])) < 0.015
    assert detector.follow(noise(512, 512), face) is None
    assert detector.find_near(noise(512, 512), face) is None


def test_a_quick_look_prefers_the_face_that_was_there(detector: FaceDetector, portrait: Picture) -> None:
    pair = np.ascontiguousarray(np.hstack([portrait, portrait]))
    left, right = detector.find(pair)
    for wanted in (left, right):
        found = detector.find_near(pair, wanted)
        assert found is not None
        assert deviation(found, wanted.points) < 0.02


def test_the_largest_picture_is_searched_in_bounded_steps_down_to_the_smallest_face(
    detector: FaceDetector, portrait: Picture
) -> None:
    assert sum(map(len, search_plan(8000, 8000))) < 1300
    assert sum(map(len, search_plan(64_000, 1000))) < 3000
    picture = np.full((8000, 8000, 3), 120, np.uint8)
    picture[6100:6356, 900:1156] = portrait[:256, 100:356]
    (found,) = detector.find(picture)
    assert np.abs(np.subtract(found.box, (979, 6170, 1073, 6277))).max() < 6


def test_a_long_search_can_be_called_off() -> None:
    job = Job()
    detector = FaceDetector(job)
    assert detector.find(noise(300, 200)) == []
    job.cancel()
    with pytest.raises(CancelledError):
        detector.find(noise(300, 200))


def test_a_glance_at_a_large_part_shows_what_a_careful_look_would(portrait: Picture) -> None:
    picture = np.asarray(cv2.resize(portrait, (3001, 3001), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)
    pyramid = Pyramid(picture)
    for region in [(0.0, 0.0, 3001.0, 3001.0), (-500.0, 100.0, 2500.0, 3100.0), (40.0, 50.0, 640.0, 650.0)]:
        glance, look = pyramid.letterboxed(region, 128), letterboxed(picture, region, 128)
        assert np.abs(glance.astype(int) - look).mean() < 3


@pytest.mark.parametrize("shift", [(-5000.0, 0.0), (0.0, 5000.0), (511.9, -300.0)])
def test_a_face_that_left_the_picture_is_not_found_there(
    detector: FaceDetector, face: Face, shift: tuple[float, float]
) -> None:
    x0, y0, x1, y1 = face.box
    dx, dy = shift
    gone = replace(face, points=face.points + np.array(shift, np.float32), box=(x0 + dx, y0 + dy, x1 + dx, y1 + dy))
    assert detector.follow(noise(512, 512), gone) is None
    assert detector.find_near(noise(512, 512), gone) is None
