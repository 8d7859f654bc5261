"""Blink patches: open is the picture itself, shut is skin, and every stage covers more of the eye."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.pipeline.boxes import halved, view
from appliance.pipeline.eyelids import STAGES, eyes
from appliance.pipeline.face_frame import FaceFrame
from appliance.pipeline.landmarks import GROUPS, group
from tests import faces
from tests.faces import BOTH

both = pytest.mark.parametrize("name", BOTH)


@both
def test_both_eyes_have_a_patch_for_every_stage(name: str) -> None:
    rig = BOTH[name]().rig
    assert len(rig.eyes) == 2
    for eye in rig.eyes:
        left, top, right, bottom = eye.box
        assert eye.y.shape == (STAGES, bottom - top, right - left)
        assert eye.uv.shape == (STAGES, (bottom - top) // 2, (right - left) // 2, 2)


@both
def test_the_open_stage_is_the_picture(name: str) -> None:
    rig = BOTH[name]().rig
    for eye in rig.eyes:
        assert np.array_equal(eye.y[0], view(rig.y, eye.box))
        assert np.array_equal(eye.uv[0], view(rig.uv, halved(eye.box)))


@both
def test_every_stage_covers_more_of_the_iris(name: str) -> None:
    face = BOTH[name]()
    for eye, side in zip(face.rig.eyes, ("right", "left"), strict=True):
        outline = np.concatenate([group(face.points, f"{side}_eye_{edge}") for edge in ("upper", "lower")])
        low, high = outline.min(0), outline.max(0)
        middle, radius = (low + high) / 2 - eye.box[:2], 0.35 * float(high[1] - low[1])
        x, y, r = int(middle[0]), int(middle[1]), max(2, round(radius))
        iris = eye.y[:, y - r : y + r, x - r : x + r].astype(int)
        dark = (iris < (iris[0].min() + iris[-1].min()) / 2).sum(axis=(1, 2))
        assert dark[0] > 0.1 * iris[0].size
        assert dark[-1] == 0
        # Lashes sweep across on the way.
        assert (np.diff(dark) <= 0.25 * iris[0].size).all()
        assert dark[STAGES // 2 + 1 :].max() < dark[0]


@both
def test_only_the_eye_changes(name: str) -> None:
    for eye in BOTH[name]().rig.eyes:
        for border in np.s_[:, :2], np.s_[:, -2:], np.s_[:, :, :2], np.s_[:, :, -2:]:
            difference = np.abs(eye.y[border].astype(int) - eye.y[border][:1])
            assert difference.max() <= 2


def test_an_eye_that_is_shut_already_does_not_blink() -> None:
    face = faces.drawn()
    points = face.points.copy()
    points[GROUPS["left_eye_upper"], 1] = points[GROUPS["left_eye_lower"], 1] - 0.5
    (only,) = eyes(face.picture, points, FaceFrame.of(points))
    assert only.box == face.rig.eyes[0].box


def test_an_eye_that_is_cut_off_does_not_blink() -> None:
    face = faces.drawn()
    edge = int(group(face.points, "right_eye_upper")[:, 0].mean())
    points = face.points - np.array([edge, 0], np.float32)
    cut = np.ascontiguousarray(face.picture[:, edge:])
    assert len(eyes(cut, points, FaceFrame.of(points))) == 1
