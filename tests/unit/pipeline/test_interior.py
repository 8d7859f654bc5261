"""What shows between the lips: a smile's own teeth, drawn ones in the light of the face, tongue and cavity."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline.boxes import view
from appliance.pipeline.face_frame import Floats, pixel_centres
from appliance.pipeline.interior import Interior, interior
from tests import faces
from tests.faces import BOTH, Portrait

both = pytest.mark.parametrize("name", BOTH)


def plates(face: Portrait) -> Interior:
    return face.rig.interior


def local(face: Portrait) -> Floats:
    return face.frame.local(pixel_centres(face.rig.mouth_box))


def shown_teeth(face: Portrait) -> NDArray[np.bool_]:
    """Well inside the opening that the portrait shows, in the mouth's box, away from the corners."""
    places = local(face)
    top, bottom = (
        np.interp(places[..., 0], chain[:, 0], chain[:, 1])
        for chain in (face.mouth.upper_inner, face.mouth.lower_inner)
    )
    keep = 0.03 * face.frame.mouth
    near = np.abs(places[..., 0]) < 0.25 * face.frame.mouth
    return np.asarray(near & (places[..., 1] > top + keep) & (places[..., 1] < bottom - keep))


@both
def test_plates_have_the_size_of_their_box_and_are_shares(name: str) -> None:
    face = BOTH[name]()
    left, top, right, bottom = face.rig.mouth_box
    found = plates(face)
    for plate in (found.upper, found.lower, found.tongue):
        assert plate.shape == (bottom - top, right - left, 4)
    assert found.cavity.shape == (3,)
    for plate in (found.upper, found.lower, found.tongue, found.cavity):
        assert plate.min() >= 0
        assert plate.max() <= 1


def test_a_smile_keeps_its_own_teeth() -> None:
    face = faces.smiling()
    teeth = shown_teeth(face)
    picture = view(face.picture, face.rig.mouth_box).astype(np.float32) / 255
    upper = plates(face).upper
    soft = cv2.GaussianBlur(picture, (0, 0), 0.006 * face.frame.mouth)
    assert teeth.sum() > 100
    error = np.abs(upper[..., :3] - soft)[teeth & (upper[..., 3] > 0.9)]
    assert np.median(error) < 0.03
    assert error.mean() < 0.05
    assert (upper[..., 3] > 0.9)[teeth].mean() > 0.6


def test_own_teeth_reach_under_the_upper_lip() -> None:
    face = faces.smiling()
    places, upper = local(face), plates(face).upper
    line = np.interp(places[..., 0], face.mouth.upper_inner[:, 0], face.mouth.upper_inner[:, 1])
    w = face.frame.mouth
    under = (np.abs(places[..., 0]) < 0.2 * w) & (places[..., 1] < line) & (places[..., 1] > line - 0.08 * w)
    assert upper[under][:, 3].min() > 0.9
    assert upper[under][:, :3].mean() > 0.6 * upper[shown_teeth(face)][:, :3].mean()


def test_drawn_teeth_are_warm_and_within_the_faces_light() -> None:
    face = faces.drawn()
    upper = plates(face).upper
    solid = upper[upper[..., 3] > 0.95][:, :3]
    assert len(solid) > 100
    blue, green, red = solid[solid.sum(1) > np.percentile(solid.sum(1), 50)].mean(0)
    assert red > green > blue
    assert red - blue > 0.03
    left, top, right, bottom = face.rig.skin_box
    skin = face.picture[top:bottom, left:right].reshape(-1, 3).astype(float) / 255
    assert np.percentile(solid.mean(1), 95) <= np.percentile(skin.mean(1), 99)


def test_a_dim_picture_gets_dim_teeth() -> None:
    face = faces.drawn()
    dim = (face.picture * 0.5).astype(np.uint8)
    found = interior(dim, face.points, face.frame, face.mouth, face.rig.mouth_box)
    solid = plates(face).upper[..., 3] > 0.95
    ratio = found.upper[solid][:, :3].mean() / plates(face).upper[solid][:, :3].mean()
    assert 0.4 < ratio < 0.65


@both
def test_teeth_tongue_and_cavity_lie_where_they_belong(name: str) -> None:
    face = BOTH[name]()
    found, places = plates(face), local(face)
    w = face.frame.mouth
    middle = np.abs(places[..., 0]) < 0.1 * w

    def heights(plate: Floats) -> Floats:
        return np.asarray(places[..., 1][middle & (plate[..., 3] > 0.5)])

    assert heights(found.upper).min() < heights(found.tongue).min()
    assert heights(found.upper).max() < heights(found.lower).max()
    tongue = found.tongue[middle & (found.tongue[..., 3] > 0.9)][:, :3].mean(0)
    cavity = found.cavity
    assert tongue[2] > 1.3 * tongue[1]
    assert cavity.mean() < 0.5 * tongue.mean()
    assert cavity.mean() < 0.2
    assert cavity[2] > cavity[0]


def test_an_open_mouth_without_bright_teeth_gets_drawn_ones() -> None:
    face = faces.smiling()
    dark = face.picture.copy()
    view(dark, face.rig.mouth_box)[shown_teeth(face)] = (20, 20, 90)
    height, width = dark.shape[:2]
    everywhere = face.frame.local(pixel_centres((0, 0, width, height)))
    top, bottom = (
        np.interp(everywhere[..., 0], chain[:, 0], chain[:, 1])
        for chain in (face.mouth.upper_inner, face.mouth.lower_inner)
    )
    dark[(everywhere[..., 1] > top) & (everywhere[..., 1] < bottom)] = (20, 20, 90)
    found = interior(dark, face.points, face.frame, face.mouth, face.rig.mouth_box)
    solid = found.upper[found.upper[..., 3] > 0.95][:, :3]
    assert np.percentile(solid.mean(1), 80) > 0.45
