"""Each mode moves what its name says, the way it says, and leaves the rest alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline import head, modes
from appliance.pipeline.landmarks import group
from appliance.pipeline.modes import Layers, Mode
from tests import faces
from tests.faces import BOTH, Portrait

both = pytest.mark.parametrize("name", BOTH)
Local = NDArray[np.floating[Any]]


def at(face: Portrait, layer: str, local: Local) -> Local:
    """What the local modes do at places in local coordinates: [modes, n, 2] local pixels."""
    found: Layers = modes.layers(face.points, face.frame, face.mouth)
    places = face.frame.pixels(np.asarray(local, np.float32))
    moved = modes.field(getattr(found, layer), face.points, face.frame, places)
    return np.stack([moved @ face.frame.ex, moved @ face.frame.ey], -1)


def lips(face: Portrait) -> tuple[Local, Local]:
    """What the local modes do to the inner edges of the upper and of the lower lip."""
    return at(face, "skin", face.mouth.upper_inner), at(face, "low", face.mouth.lower_inner)


@both
def test_open_parts_the_lips_to_the_full_gap(name: str) -> None:
    face = BOTH[name]()
    upper, lower = lips(face)
    for mode in (Mode.OPEN, Mode.OPEN_ROUND):
        gap = lower[mode, :, 1] - upper[mode, :, 1]
        assert gap[5] == pytest.approx(modes.FULL_GAP * face.frame.mouth, rel=0.12)
        assert np.abs(gap[[0, -1]]).max() < 0.12 * gap[5]
        assert upper[mode, 5, 1] < 0 < lower[mode, 5, 1]
        assert abs(upper[mode, 5, 1]) < lower[mode, 5, 1]
    rounder = lower[Mode.OPEN_ROUND, 2, 1] - upper[Mode.OPEN_ROUND, 2, 1]
    assert rounder > lower[Mode.OPEN, 2, 1] - upper[Mode.OPEN, 2, 1]


def test_seal_closes_a_smile_and_leaves_a_closed_mouth() -> None:
    smiling, drawn = faces.smiling(), faces.drawn()
    upper, lower = lips(smiling)
    left = smiling.mouth.gap + lower[Mode.SEAL, :, 1] - upper[Mode.SEAL, :, 1]
    assert left[2:-2].max() < 0.02 * smiling.frame.mouth
    upper, lower = lips(drawn)
    assert np.abs([upper[Mode.SEAL], lower[Mode.SEAL]]).max() < 0.03 * drawn.frame.mouth


@both
def test_wide_spreads_and_round_draws_in_the_corners(name: str) -> None:
    face = BOTH[name]()
    corners = at(face, "skin", face.mouth.upper_outer[[0, -1]])
    assert corners[Mode.WIDE, 0, 0] < 0 < corners[Mode.WIDE, 1, 0]
    assert corners[Mode.ROUND, 1, 0] < 0 < corners[Mode.ROUND, 0, 0]


@both
def test_press_thins_the_lips(name: str) -> None:
    face = BOTH[name]()
    upper = at(face, "skin", face.mouth.upper_outer[4:7])
    lower = at(face, "low", face.mouth.lower_outer[4:7])
    assert (upper[Mode.PRESS, :, 1] > 0).all()
    assert (lower[Mode.PRESS, :, 1] < 0).all()


@both
def test_tuck_lifts_the_lower_lip(name: str) -> None:
    face = BOTH[name]()
    assert (at(face, "low", face.mouth.lower_outer[3:8])[Mode.TUCK, :, 1] < 0).all()


@both
def test_the_chin_follows_the_jaw_most_in_the_middle(name: str) -> None:
    face = BOTH[name]()
    jaw = face.frame.local(group(face.points, "jaw"))
    drop = at(face, "skin", jaw)[Mode.OPEN, :, 1]
    assert drop.argmax() in (7, 8, 9)
    assert drop.max() > 0.1 * face.frame.mouth
    assert np.abs(drop[[0, -1]]).max() < 0.2 * drop.max()


@both
def test_cheeks_and_brows_rise(name: str) -> None:
    face = BOTH[name]()
    cheeks = at(face, "skin", face.frame.local(group(face.points, "cheeks")))
    assert (cheeks[Mode.CHEEK, :, 1] < 0).all()
    for side in ("right", "left"):
        brow = at(face, "skin", face.frame.local(group(face.points, f"{side}_brow_upper")))
        assert (brow[Mode.BROW, :, 1] < -0.04 * face.frame.unit).all()


@both
def test_speech_leaves_eyes_and_nose_and_all_beyond_the_face(name: str) -> None:
    face = BOTH[name]()
    still = np.concatenate([group(face.points, n) for n in ("right_eye_upper", "left_eye_lower", "nose_bridge")])
    moved = at(face, "skin", face.frame.local(still))
    assert np.abs(moved[: Mode.BROW]).max() < 0.02 * face.frame.mouth
    u = face.frame.unit
    far = np.array([[-2 * u, 0], [2 * u, 0], [0, 3.2 * u], [0, -3.5 * u]], np.float32)
    assert np.abs(at(face, "skin", far)).max() == 0


@both
def test_the_layers_agree_on_the_jaw(name: str) -> None:
    face = BOTH[name]()
    jaw = face.frame.local(group(face.points, "jaw"))
    assert np.abs(at(face, "skin", jaw) - at(face, "low", jaw)).max() < 0.03 * face.frame.mouth


def test_a_symmetric_face_moves_symmetrically() -> None:
    face = faces.drawn()
    upper, _ = lips(face)
    mirrored = upper[:, ::-1] * np.array([-1, 1])
    assert np.abs(upper - mirrored)[: Mode.BROW].max() < 0.02 * face.frame.mouth


@both
def test_summing_modes_is_the_sum_of_their_fields(name: str) -> None:
    face = BOTH[name]()
    layers = modes.layers(face.points, face.frame, face.mouth)
    coefficients = faces.pose(OPEN=0.4, WIDE=0.5, CHEEK=0.3).modes[0]
    places = face.frame.pixels(face.mouth.lower_outer)
    each = modes.field(layers.low, face.points, face.frame, places)
    (together,) = modes.field(modes.summed(layers.low, coefficients), face.points, face.frame, places)
    assert np.allclose(together, np.tensordot(coefficients[: len(each)], each, 1), atol=0.01)


@both
def test_the_head_moves_as_one_and_fades_outside(name: str) -> None:
    face = BOTH[name]()
    features = np.concatenate([group(face.points, n) for n in ("right_eye_upper", "left_eye_upper", "nose_tip")])
    x, y, roll = head.field(face.points, face.frame, features)
    unit = face.frame.unit
    assert np.allclose(x, unit * face.frame.ex, atol=0.02 * unit)
    assert np.allclose(y, unit * face.frame.ey, atol=0.02 * unit)
    # Turning about the neck: the top of the head goes farther, and never along the arm.
    arms = features - face.frame.pixels(np.array([0, head.NECK * unit], np.float32))
    assert np.abs((roll * arms).sum(-1)).max() < 0.01 * unit**2
    centre, radius = head.ellipse(face.points, face.frame)
    angles = np.linspace(0, 2 * np.pi, 24)
    ring = centre + head.EDGE * 1.01 * radius * np.stack([np.cos(angles), np.sin(angles)], -1)
    assert head.weight(face.points, face.frame, face.frame.pixels(ring)).max() < 1e-3
