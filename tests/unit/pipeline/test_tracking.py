"""A face is followed through a video; smoothing takes the jitter and leaves the motion."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline import landmarks, tracking
from appliance.pipeline.faces import Face, FaceDetector
from tests import assets, moving_pictures

Track = NDArray[np.float32]


@pytest.fixture(scope="module")
def portrait() -> NDArray[np.uint8]:
    return np.asarray(cv2.imread(str(assets.astronaut())), dtype=np.uint8)


@pytest.fixture(scope="module")
def face(portrait: NDArray[np.uint8]) -> Face:
    return FaceDetector().find(portrait)[0]


def test_follows_motion_without_lag(portrait: NDArray[np.uint8], face: Face) -> None:
    pictures, maps = moving_pictures.swaying(portrait, 40)
    tracker = tracking.FaceTracker(FaceDetector(), None, "the test")
    faces = [tracker.next(picture) for picture in pictures]
    track = tracking.smoothed(np.array([one.points for one in faces if one is not None]))
    assert len(track) == 40
    truth = np.array([face.points @ move[:, :2].T + move[:, 2] for move in maps])
    error = track - truth
    assert np.linalg.norm(error, axis=2).mean() < 0.012 * face.size
    velocity = np.gradient(truth, axis=0)
    middle = error - error.mean(axis=0)
    lag = -(middle * velocity).sum() / (velocity**2).sum()
    assert abs(lag) < 0.1, "frames"


def test_smoothing_takes_the_jitter_of_a_pan_and_leaves_the_pan(face: Face) -> None:
    rng = np.random.default_rng(0)
    time = np.arange(60)[:, None, None]
    truth = face.points + time * np.array([3.0, 1.0]) + 0.02 * time**2
    noisy = (truth + rng.normal(0, 0.1, truth.shape)).astype(np.float32)
    smooth = tracking.smoothed(noisy)
    inner = slice(4, -4)
    assert np.std((smooth - truth)[inner]) < 0.6 * np.std((noisy - truth)[inner])
    assert np.abs((smooth - truth)[inner].mean()) < 0.01
    jitter_before, jitter_after = (np.std(np.diff(track - truth, 2, axis=0)) for track in (noisy, smooth))
    assert jitter_after < 0.3 * jitter_before


def test_smoothing_keeps_cuts_and_snapping_lips_sharp(face: Face) -> None:
    track = np.repeat(face.points[None], 40, axis=0)
    track[20:] += 60
    assert np.array_equal(tracking.smoothed(track), track)
    opened = np.repeat(face.points[None], 40, axis=0)
    lip = landmarks.GROUPS["lips_lower_inner"]
    opened[18:20, lip, 1] += 0.04 * face.size
    kept = (tracking.smoothed(opened) - face.points)[:, lip, 1].mean(axis=1) / (0.04 * face.size)
    assert kept[18:20].min() > 0.9
    assert np.abs(np.delete(kept, [18, 19])).max() < 0.1


def test_smoothing_leaves_frames_without_a_face_alone(face: Face) -> None:
    track = np.repeat(face.points[None], 30, axis=0)
    track[10:15] = np.nan
    smooth = tracking.smoothed(track)
    assert np.array_equal(np.isnan(smooth), np.isnan(track))
    assert np.allclose(smooth[:10], face.points)
    single = track[:1]
    assert np.array_equal(tracking.smoothed(single), single)


def test_bridges_a_short_gap_and_no_long_one_and_no_jump(face: Face) -> None:
    track = face.points + np.arange(20, dtype=np.float32)[:, None, None]
    whole = track.copy()
    track[3:5] = np.nan
    track[8:14] = np.nan
    filled = tracking.filled(track)
    assert np.allclose(filled[:8], whole[:8], atol=1e-3)
    assert np.isnan(filled[8:14]).all()
    jumping = face.points + np.where(np.arange(8) < 4, 0, 100).astype(np.float32)[:, None, None]
    jumping[4] = np.nan
    assert np.isnan(tracking.filled(jumping)[4]).all()


def test_chooses_the_only_one_of_its_size_or_asks(face: Face) -> None:
    x0, y0, x1, y1 = face.box
    small = replace(face, box=(x0, y0, x0 + (x1 - x0) / 3, y0 + (y1 - y0) / 3))
    assert tracking.choose([small, face], None, "it") is face
    assert tracking.choose([small, face], 1, "it") is small
    with pytest.raises(InputError, match="2 faces of similar size in it") as refusal:
        tracking.choose([face, face], None, "it")
    assert "--face 1" in refusal.value.hint
    with pytest.raises(InputError, match="there is no face 3 in it: 2 found"):
        tracking.choose([face, face], 3, "it")
    with pytest.raises(InputError, match="no face found in it"):
        tracking.choose([], None, "it")


def test_takes_up_another_face_after_a_cut(portrait: NDArray[np.uint8]) -> None:
    here = np.ascontiguousarray(portrait[:256, 60:400])
    there = np.ascontiguousarray(portrait[:256, :340])
    tracker = tracking.FaceTracker(FaceDetector(), None, "the test")
    seen = [tracker.next(picture) for picture in (here, here, there, there)]
    boxes = [one.box[0] for one in seen if one is not None]
    assert np.diff(boxes) == pytest.approx([0, 60, 0], abs=2)
