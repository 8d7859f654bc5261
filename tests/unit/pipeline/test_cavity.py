"""The inside of the mouth in a frame: how far it opens, where it lies, and how dark it is under the lips."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline import head, modes
from appliance.pipeline.cavity import CavityPainter, head_shift, jaw_drop, visible
from appliance.pipeline.face_frame import Box, FaceFrame, Floats
from appliance.pipeline.performance import Performance
from tests import faces
from tests.faces import BOTH, pose

both = pytest.mark.parametrize("name", BOTH)


def one(performance: Performance) -> Floats:
    return np.asarray(performance.modes[0])


def test_the_jaw_drops_with_both_ways_of_opening() -> None:
    frame = faces.drawn().frame
    assert jaw_drop(one(pose()), frame) == 0
    full = modes.LOWER_SHARE * modes.FULL_GAP * frame.mouth
    assert jaw_drop(one(pose(OPEN=0.3, OPEN_ROUND=0.7)), frame) == pytest.approx(full)
    assert jaw_drop(one(pose(WIDE=1, PRESS=1, HEAD_Y=1)), frame) == 0


@settings(max_examples=20, deadline=None)
@given(*[st.floats(-0.06, 0.06)] * 3)
def test_the_inside_moves_with_the_head(x: float, y: float, roll: float) -> None:
    face = faces.smiling()
    coefficients = one(pose(HEAD_X=x, HEAD_Y=y, ROLL=roll))
    field = head.field(face.points, face.frame, face.frame.origin[None].astype(np.float32))[:, 0]
    assert np.allclose(head_shift(coefficients, face.frame), np.array([x, y, roll]) @ field, atol=0.05)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1.2), st.floats(0, 1.2), st.floats(-0.05, 0.05), st.floats(-0.05, 0.05))
def test_the_visible_box_is_even_inside_its_limit_and_grows(opening: float, more: float, x: float, y: float) -> None:
    face = faces.smiling()
    rig = face.rig
    box, wider = (
        visible(one(pose(OPEN=value, HEAD_X=x, HEAD_Y=y)), face.frame, rig.opening, rig.mouth_box)
        for value in sorted((opening, more))
    )
    for found in (box, wider):
        assert all(side % 2 == 0 for side in found)
        assert rig.mouth_box[0] <= found[0] < found[2] <= rig.mouth_box[2]
        assert rig.mouth_box[1] <= found[1] < found[3] <= rig.mouth_box[3]
    assert wider[0] <= box[0]
    assert wider[1] <= box[1]
    assert wider[2] >= box[2]
    assert wider[3] >= box[3]


def inside(
    name: str, *, tongue: float = 0, skin: int = 0, frame: FaceFrame | None = None, shift: int = 0, **values: float
) -> tuple[Floats, Floats]:
    """The planes of the whole mouth box, or of one `shift` pixels to the right, under `skin` everywhere."""
    rig = BOTH[name]().rig
    left, top, right, bottom = rig.mouth_box
    box: Box = (left + shift, top, right + shift, bottom)
    cover = np.full((bottom - top, right - left), skin, np.uint8)
    return CavityPainter(rig).paint(one(pose(**values)), tongue, frame or rig.frame, box, cover)


@both
def test_planes_are_in_the_encoders_range(name: str) -> None:
    y, uv = inside(name, OPEN=0.8, tongue=0.5)
    left, top, right, bottom = BOTH[name]().rig.mouth_box
    assert y.shape == (bottom - top, right - left)
    assert uv.shape == (y.shape[0] // 2, y.shape[1] // 2, 2)
    assert y.min() >= 15
    assert y.max() <= 236
    assert uv.min() >= 15
    assert uv.max() <= 241


@both
def test_lips_cast_a_shadow(name: str) -> None:
    bright, _ = inside(name, OPEN=0.8)
    shaded, _ = inside(name, OPEN=0.8, skin=255)
    assert (shaded <= bright + 0.01).all()
    assert shaded[bright > 60].mean() < 0.75 * bright[bright > 60].mean()


@both
def test_lower_teeth_and_tongue_go_down_with_the_jaw(name: str) -> None:
    face = BOTH[name]()
    little, _ = inside(name, OPEN=0.5)
    much, _ = inside(name, OPEN=1.0)
    below_upper_teeth = 0.2 * face.frame.mouth
    row = round(float(face.frame.origin[1]) + faces.middle_line(face)[5] + below_upper_teeth) - face.rig.mouth_box[1]
    middle = slice(little.shape[1] // 2 - 6, little.shape[1] // 2 + 6)
    # What was tongue or lower teeth has become the dark of the mouth.
    assert much[row, middle].mean() < little[row, middle].mean() - 5


@both
def test_in_another_place_the_same_inside(name: str) -> None:
    face = BOTH[name]()
    frame = face.frame
    moved = FaceFrame(frame.origin + np.array([8, 0], np.float32), frame.ex, frame.ey, frame.unit, frame.mouth)
    for here, there in zip(inside(name, OPEN=0.7), inside(name, frame=moved, shift=8, OPEN=0.7), strict=True):
        assert np.abs(here - there).max() < 0.6
