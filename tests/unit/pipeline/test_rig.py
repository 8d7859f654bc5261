"""A portrait's rig: arrays that survive storage, boxes inside the picture, layers that meet, edges that stay."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline import rig as rigs
from appliance.pipeline import yuv
from appliance.pipeline.face_frame import Box, Floats, pixel_centres
from appliance.pipeline.modes import Mode
from appliance.pipeline.rig import Rig, build_rig
from tests import faces
from tests.faces import BOTH

both = pytest.mark.parametrize("name", BOTH)


@both
def test_boxes_are_even_and_inside_the_picture(name: str) -> None:
    rig = BOTH[name]().rig
    height, width = rig.y.shape
    assert height % 2 == width % 2 == 0
    for box in (rig.skin_box, rig.low_box, rig.mouth_box, *(eye.box for eye in rig.eyes)):
        left, top, right, bottom = box
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert all(side % 2 == 0 for side in box)
    for box in (rig.skin_box, rig.low_box):
        assert (box[2] - box[0]) % rig.step == (box[3] - box[1]) % rig.step == 0
    assert inside(rig.low_box, rig.skin_box)
    assert inside(rig.mouth_box, rig.skin_box)
    assert len(rig.eyes) == 2


def inside(box: Box, outer: Box) -> bool:
    return box[0] >= outer[0] and box[1] >= outer[1] and box[2] <= outer[2] and box[3] <= outer[3]


@both
def test_a_rig_comes_back_from_storage(name: str, tmp_path: Path) -> None:
    face = BOTH[name]()
    np.savez(tmp_path / "rig.npz", allow_pickle=False, **face.arrays)
    with np.load(tmp_path / "rig.npz", allow_pickle=False) as stored:
        back = Rig.from_arrays(dict(stored))
    assert (back.skin_box, back.low_box, back.mouth_box) == (face.rig.skin_box, face.rig.low_box, face.rig.mouth_box)
    pose = faces.pose(OPEN=0.5, HEAD_X=0.02, blink=1, tongue=0.5)
    for one, other in zip(faces.painted(back, pose), faces.painted(face.rig, pose), strict=True):
        assert np.array_equal(one, other)


def test_the_planes_are_the_pictures_and_an_odd_edge_is_left_out() -> None:
    face = faces.drawn()
    arrays = build_rig(face.picture[:511, :511], face.points)
    y, uv = yuv.planes(np.ascontiguousarray(face.picture[:510, :510]))
    assert np.array_equal(arrays["y"], y)
    assert np.array_equal(arrays["uv"], uv)


@both
def test_what_is_at_the_edge_of_the_box_never_moves(name: str) -> None:
    rig = BOTH[name]().rig
    basis = np.abs(rig.skin_basis).max(-1)
    for edge in (basis[:, :2], basis[:, -2:], basis[:, :, :2], basis[:, :, -2:]):
        assert edge.max() < 0.1 * np.abs(rig.skin_basis).max(axis=(1, 2, 3)).max()
    assert basis[:, 0].max() == basis[:, -1].max() == basis[:, :, 0].max() == basis[:, :, -1].max() == 0


@both
@pytest.mark.parametrize("mode", Mode, ids=lambda mode: mode.name)
def test_the_layers_move_alike_along_the_lower_layers_border(name: str, mode: Mode) -> None:
    assert parting(BOTH[name]().rig, mode) < 0.35


def parting(rig: Rig, mode: Mode) -> float:
    """By how many pixels the layers part along the border of the lower one, where it must not be seen."""
    left, top, right, bottom = rig.low_box
    skin = at_pixels(rig.skin_basis[mode], rig.skin_box, rig.step)
    low = at_pixels(rig.low_basis[mode], rig.low_box, rig.step)
    origin = rig.skin_box[:2]
    same = skin[top - origin[1] : bottom - origin[1], left - origin[0] : right - origin[0]]
    amount = 0.03 if mode >= Mode.HEAD_X else 1.0
    apart = amount * np.abs(same - low)
    return float(max(apart[-1].max(), apart[:, 0].max(), apart[:, -1].max()))


def at_pixels(grid: Floats, box: Box, step: int) -> Floats:
    """A grid's values at the pixels of its box, by bilinear interpolation."""
    rows, columns = grid.shape[:2]
    full = cv2.resize(grid.astype(np.float32), (columns * step, rows * step), interpolation=cv2.INTER_LINEAR)
    found = np.asarray(full[step:-step, step:-step], np.float32)
    assert found.shape[:2] == (box[3] - box[1], box[2] - box[0])
    return found


@both
def test_masks_split_the_picture_at_the_lips(name: str) -> None:
    face = BOTH[name]()
    rig = face.rig
    local = face.frame.local(pixel_centres(rig.low_box))
    middle = np.abs(local[..., 0]) < 0.25 * face.frame.mouth
    upper = np.interp(local[..., 0], face.mouth.upper_inner[:, 0], face.mouth.upper_inner[:, 1])
    lower = np.interp(local[..., 0], face.mouth.lower_inner[:, 0], face.mouth.lower_inner[:, 1])
    away = 0.05 * face.frame.mouth
    assert rig.alpha_low[middle & (local[..., 1] < lower - away)].max() == 0
    assert rig.alpha_low[middle & (local[..., 1] > lower + away)].min() == 255
    local = face.frame.local(pixel_centres(rig.mouth_box))
    middle = np.abs(local[..., 0]) < 0.25 * face.frame.mouth
    upper = np.interp(local[..., 0], face.mouth.upper_inner[:, 0], face.mouth.upper_inner[:, 1])
    assert rig.alpha_skin[middle & (local[..., 1] < upper - away)].min() == 255
    assert rig.alpha_skin[middle & (local[..., 1] > upper + away)].max() == 0


@both
def test_masks_begin_inside_the_lips_so_that_no_teeth_ride_on_them(name: str) -> None:
    face = BOTH[name]()
    boxes = (face.rig.low_box, face.mouth.lower_inner, 0), (face.rig.mouth_box, face.mouth.upper_inner, 1)
    for box, lip, which in boxes:
        mask = rigs.masks(face.frame, face.mouth, box)[which]
        places = (face.frame.pixels(lip[3:-3]) - np.array(box[:2]) - 0.5).astype(np.float32)
        on_edge = cv2.remap(mask, places[:, None, 0].copy(), places[:, None, 1].copy(), cv2.INTER_LINEAR)
        assert on_edge.max() < 115


sides = st.integers(40, 900)


@settings(max_examples=60, deadline=None)
@given(st.integers(-200, 500), st.integers(-200, 500), st.integers(60, 900), st.integers(60, 900), sides, sides)
def test_a_box_on_the_grid_lies_in_the_picture(
    left: int, top: int, width: int, height: int, picture_width: int, picture_height: int
) -> None:
    picture_width, picture_height = picture_width // 2 * 2, picture_height // 2 * 2
    corners = np.array([[left, top], [left + width, top + height]], np.float32)
    if left >= picture_width or top >= picture_height or left + width <= 0 or top + height <= 0:
        return
    box = rigs.on_grid(corners, 6, picture_width, picture_height)
    assert all(side % 2 == 0 for side in box)
    assert (box[2] - box[0]) % 6 == (box[3] - box[1]) % 6 == 0
    assert 0 <= box[0] <= box[2] <= picture_width
    assert 0 <= box[1] <= box[3] <= picture_height
    # It reaches as far as was asked, or to within a cell of the picture's edge.
    assert box[2] >= min(left + width, picture_width) - 6
    assert box[3] >= min(top + height, picture_height) - 6


@pytest.mark.parametrize("side", ["left", "right", "bottom"])
def test_a_face_at_the_edge_of_its_picture_still_speaks(side: str) -> None:
    face = faces.smiling()
    chin = int(face.points[:, 1].max())
    low, high = int(face.points[:, 0].min()), int(face.points[:, 0].max())
    crops = {
        "left": face.picture[:, low + 8 :],
        "right": face.picture[:, : high - 8],
        "bottom": face.picture[: chin + 4],
    }
    points = face.points - np.array([low + 8 if side == "left" else 0, 0], np.float32)
    cut = faces.portrait(np.ascontiguousarray(crops[side]), points)
    assert max(parting(cut.rig, mode) for mode in Mode) < 1
    shut, spread = faces.painted(cut.rig, faces.pose()), faces.painted(cut.rig, faces.pose(OPEN=0.8, HEAD_X=0.03))
    assert (np.abs(shut[0].astype(int) - spread[0]) > 30).sum() > 0.02 * face.frame.mouth**2
    # What lies outside is unknown, so the edge stays where it is.
    height, width = cut.rig.y.shape
    limits = {"left": cut.rig.skin_box[0], "right": width - cut.rig.skin_box[2], "bottom": height - cut.rig.skin_box[3]}
    assert limits[side] < cut.rig.step
    moved = np.abs(spread[0].astype(int) - cut.rig.y)
    assert {"left": moved[:, 0], "right": moved[:, -1], "bottom": moved[-1]}[side].max() <= 8
