"""A painted face, measured on its planes: mouth, chin, seam, teeth, tongue, eyes, head and background."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline.boxes import view
from appliance.pipeline.face_frame import Box
from appliance.pipeline.landmarks import group
from appliance.pipeline.modes import Mode
from tests import faces
from tests.faces import BOTH, Planes, Portrait, Stage, painted, performance, pose

ROWS: list[dict[str, float]] = [
    {"OPEN": 0.9, "CHEEK": 0.5, "HEAD_X": 0.02, "ROLL": 0.01},
    {"PRESS": 1, "HEAD_X": 0.02, "ROLL": 0.01},
    {"OPEN_ROUND": 0.5, "ROUND": 0.8, "HEAD_Y": -0.02, "BROW": 0.6},
    {},
    {"OPEN": 0.4, "WIDE": 1, "BROW": 0.5},
    {"TUCK": 1, "OPEN": 0.06, "HEAD_X": -0.02},
]

both = pytest.mark.parametrize("name", BOTH)


@cache
def frame_of(name: str, *, tongue: float = 0, blink: float = 0, **modes: float) -> Planes:
    return painted(BOTH[name]().rig, pose(tongue=tongue, blink=blink, **modes))


def profile(face: Portrait, plane: NDArray[np.uint8], down: NDArray[Any], share: float = 0.3) -> NDArray[Any]:
    """The plane's mean, over the middle of the mouth, at distances `down` (pixels) below its shut seam."""
    half = share / 2 * face.frame.mouth
    x = np.linspace(-half, half, 41)
    seam = np.interp(x, face.mouth.upper_inner[:, 0], faces.middle_line(face))
    local = np.stack(np.broadcast_arrays(x[None], seam[None] + down[:, None]), -1)
    places = (face.frame.pixels(local) - 0.5).astype(np.float32)
    sampled = cv2.remap(plane, places[..., 0].copy(), places[..., 1].copy(), cv2.INTER_LINEAR)
    return np.asarray(sampled.astype(np.float32).mean(1))


def redness(planes: Planes) -> NDArray[np.uint8]:
    """Cr at the size of the luma plane."""
    return np.asarray(cv2.resize(planes[1][..., 1], planes[0].shape[::-1], interpolation=cv2.INTER_LINEAR))


@both
def test_the_background_is_never_touched(name: str) -> None:
    face = BOTH[name]()
    stage = Stage(face.rig)
    left, top, right, bottom = face.rig.skin_box
    half_box: Box = (left // 2, top // 2, right // 2, bottom // 2)
    for i in range(len(ROWS)):
        y, uv = stage.paint(performance(ROWS, blink=0.5 * (i % 2)), i)
        assert np.array_equal(faces.outside(y, face.rig.skin_box), faces.outside(face.rig.y, face.rig.skin_box))
        assert np.array_equal(faces.outside(uv, half_box), faces.outside(face.rig.uv, half_box))


@both
def test_the_same_frames_give_the_same_pixels(name: str) -> None:
    one, other = Stage(BOTH[name]().rig), Stage(BOTH[name]().rig)
    for i in range(len(ROWS)):
        for a, b in zip(one.paint(performance(ROWS), i), other.paint(performance(ROWS), i), strict=True):
            assert np.array_equal(a, b)


@both
def test_once_the_head_moves_a_frame_does_not_depend_on_those_before(name: str) -> None:
    face = BOTH[name]()
    stage = Stage(face.rig)
    for row in range(len(ROWS)):
        stage.paint(performance(ROWS, blink=float(row % 2), tongue=1), row - 1)
        stage.paint(pose(BROW=0.9, OPEN=0.3, ROUND=1))
        part = performance(ROWS)[row : row + 1]
        for a, b in zip(stage.paint(part), painted(face.rig, part), strict=True):
            assert np.array_equal(a, b)


@both
def test_a_part_begins_anew_whatever_was_painted_before(name: str) -> None:
    face = BOTH[name]()
    stage = Stage(face.rig)
    for row in range(len(ROWS)):
        stage.paint(performance(ROWS, blink=float(row % 2), tongue=1), row)
        part = performance(ROWS)[row : row + 1]
        stage.begin()
        for a, b in zip(stage.paint(part), painted(face.rig, part), strict=True):
            assert np.array_equal(a, b)


@both
def test_while_the_head_holds_still_a_frame_is_nearly_as_if_painted_alone(name: str) -> None:
    """Half a pixel of motion far from the mouth may wait for the next frame on which the head moves."""
    face = BOTH[name]()
    rows: list[dict[str, float]] = [{"OPEN": 1, "WIDE": 1, "CHEEK": 1}, {"ROUND": 1, "OPEN_ROUND": 0.6}, {}]
    stage = Stage(face.rig)
    for i in range(len(rows)):
        y, _ = stage.paint(performance(rows), i)
        alone, _ = painted(face.rig, performance(rows)[i : i + 1])
        assert cv2.absdiff(y, alone).mean() < 0.08
        mouth = face.rig.mouth_box
        assert cv2.absdiff(view(y, mouth), view(alone, mouth)).max() <= 1


@both
def test_in_speech_nobody_sees_what_waits_for_the_head(name: str) -> None:
    face = BOTH[name]()
    phase = np.arange(16) * 2 * np.pi * 3.5 / 25
    rows: list[dict[str, float]] = [
        {"OPEN": 0.3 - 0.3 * np.cos(p), "WIDE": 0.5 * np.sin(p / 2), "CHEEK": 0.2, "HEAD_X": 0.004 * (i // 4)}
        for i, p in enumerate(phase)
    ]
    stage = Stage(face.rig)
    for i in range(len(rows)):
        shown, alone = stage.paint(performance(rows), i), painted(face.rig, performance(rows)[i : i + 1])
        assert (cv2.absdiff(shown[0], alone[0]) > 10).sum() < 0.015 * face.frame.unit**2, i
        assert (cv2.absdiff(shown[1], alone[1]) > 6).sum() < 0.015 * face.frame.unit**2, i


def test_at_rest_a_closed_mouth_is_the_picture() -> None:
    face = faces.drawn()
    y, uv = frame_of("drawn")
    beyond = faces.outside(y, face.rig.low_box), faces.outside(face.rig.y, face.rig.low_box)
    assert cv2.absdiff(*beyond).max() <= 6
    assert cv2.absdiff(y, face.rig.y).mean() < 0.1
    assert cv2.absdiff(uv, face.rig.uv).mean() < 0.1


def test_at_rest_a_smile_shows_neither_teeth_nor_cavity() -> None:
    face = faces.smiling()
    before, after = (face.rig.y, face.rig.uv), frame_of("smiling")
    w = face.frame.mouth
    down = np.arange(-0.16 * w, 0.16 * w, 0.5)
    lips = np.r_[profile(face, redness(after), np.array([-0.07 * w, 0.07 * w]), 0.5)]
    # The portrait's teeth are hardly red; lips and skin are.
    assert profile(face, redness(before), down, 0.5).min() < lips.min() - 8
    assert profile(face, redness(after), down, 0.5).min() > lips.min() - 5
    luma = profile(face, after[0], down, 0.5)
    cavity = profile(face, frame_of("smiling", OPEN=0.9)[0], np.arange(0, 0.4 * w, 0.5), 0.5).min()
    assert luma.min() > 1.5 * cavity
    teeth = np.percentile(face.rig.y[faces.between_the_lips(face, opening=0.3)], 90)
    assert luma.max() < teeth


@both
@pytest.mark.parametrize("shut", [{}, {"PRESS": 1.0}, {"ROUND": 0.6, "PRESS": 0.5}, {"WIDE": 1.0}], ids=str)
def test_a_shut_mouth_has_no_hairline(name: str, shut: dict[str, float]) -> None:
    face = BOTH[name]()
    w = face.frame.mouth
    y, _ = frame_of(name, **shut)
    for share in (0.15, 0.5, 0.8):
        lips = profile(face, y, np.array([-0.06 * w, 0.06 * w]), share)
        seam = profile(face, y, np.arange(-0.035 * w, 0.035 * w, 0.25), share)
        assert seam.max() <= lips.max() + 3, share


@both
def test_an_open_mouth_is_dark_inside_and_shows_teeth(name: str) -> None:
    face = BOTH[name]()
    y, _ = frame_of(name, OPEN=0.9)
    inside = y[faces.between_the_lips(face, opening=0.8)]
    skin = np.median(view(face.rig.y, face.rig.mouth_box))
    assert np.percentile(inside, 10) < 0.45 * skin
    assert np.percentile(inside, 92) > 1.8 * np.percentile(inside, 10)
    # Teeth hang from above: the brightest rows are in the upper half.
    rows = profile(face, y, np.linspace(0, 0.3 * face.frame.mouth, 40))
    assert rows.argmax() < 20


def open_at(face: Portrait, y: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where the mouth shows its dark inside."""
    room = faces.between_the_lips(face, opening=1.1, share=1.3)
    skin = np.median(view(face.rig.y, face.rig.mouth_box))
    return np.asarray(room & (y < 0.45 * skin))


@both
def test_the_opening_grows_with_its_coefficient(name: str) -> None:
    face = BOTH[name]()
    dark = [int(open_at(face, frame_of(name, OPEN=opening)[0]).sum()) for opening in (0.0, 0.3, 0.5, 0.75, 1.0)]
    assert dark == sorted(dark)
    assert dark[-1] > dark[0] + 0.05 * face.frame.mouth**2


@both
def test_a_rounded_mouth_is_narrower_and_a_wide_one_wider(name: str) -> None:
    face = BOTH[name]()

    def width(**modes: float) -> float:
        inside = open_at(face, frame_of(name, **modes)[0])
        return float(np.ptp(np.flatnonzero(inside.sum(0) >= 2)))

    assert width(OPEN_ROUND=0.7, ROUND=1) < 0.92 * width(OPEN=0.7)
    assert width(OPEN=0.7) < width(OPEN=0.7, WIDE=1)


def chin_shift(face: Portrait, y: NDArray[np.uint8]) -> float:
    """By how many pixels the chin's edge has gone down, found by matching a patch around it."""
    (chin,) = group(face.points, "chin")
    w, u = round(0.5 * face.frame.mouth), round(0.22 * face.frame.unit)
    x, row = int(chin[0]), int(chin[1])
    patch = face.rig.y[row - u : row + u // 2, x - w // 2 : x + w // 2]
    reach = round(0.6 * face.frame.mouth)
    around = y[row - u - 4 : row + u // 2 + reach, x - w // 2 : x + w // 2]
    score = cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED)[:, 0]
    best = int(score.argmax())
    if 0 < best < len(score) - 1:
        before, peak, after = score[best - 1 : best + 2]
        return float(best - 4 + 0.5 * (before - after) / (before - 2 * peak + after))
    return best - 4.0


@both
def test_the_chin_goes_down_steadily_with_the_opening(name: str) -> None:
    face = BOTH[name]()
    shifts = [chin_shift(face, frame_of(name, OPEN=i / 8)[0]) for i in range(9)]
    assert (np.diff(shifts) > -0.3).all(), shifts
    assert shifts[-1] - shifts[0] > 0.08 * face.frame.mouth
    assert np.diff(shifts).max() < 0.35 * (shifts[-1] - shifts[0])


@both
@pytest.mark.parametrize(
    "modes", [{"OPEN": 1.0}, {"OPEN_ROUND": 0.6, "ROUND": 1.0}, {"OPEN": 0.3, "WIDE": 1.0}], ids=str
)
def test_the_layers_meet_without_a_step(name: str, modes: dict[str, float]) -> None:
    """On waves of 40 pixels, which have no edges of their own, layers that part by a pixel leave a step of nine."""
    face = BOTH[name]()
    rows, columns = np.indices(face.rig.y.shape)
    left, top, right, bottom = face.rig.low_box
    below_mouth = slice((top + bottom) // 2, bottom)
    for distance in (rows, columns):
        waves = (128 + 60 * np.sin(2 * np.pi * distance / 40)).astype(np.uint8)
        y, _ = painted(replace(face.rig, y=waves), pose(**modes))
        assert excess_step(y[below_mouth, left - 3 : left + 3].T) <= 8
        assert excess_step(y[below_mouth, right - 3 : right + 3].T) <= 8
        assert excess_step(y[bottom - 3 : bottom + 3, left:right]) <= 8


def excess_step(strip: NDArray[np.uint8]) -> int:
    """By how much the step across the middle of six rows is larger than those beside it, at the worst."""
    steps = np.abs(np.diff(strip.astype(int), axis=0))
    return int((steps[2] - np.maximum(steps[1], steps[3])).max())


def test_a_smiles_own_teeth_show_in_their_own_colours() -> None:
    face = faces.smiling()
    shown = frame_of("smiling", OPEN=0.3)
    own = faces.between_the_lips(face, opening=0.15, share=0.3)
    y, cr = shown[0], redness(shown)
    bright = own & (y > np.percentile(y[own], 60))
    before, cr_before = face.rig.y, redness((face.rig.y, face.rig.uv))
    teeth = own & (before > np.percentile(before[own], 60))
    assert abs(float(cr[bright].mean()) - float(cr_before[teeth].mean())) < 8
    assert 0.5 < y[bright].mean() / before[teeth].mean() < 1.05


def test_drawn_teeth_are_ivory_and_no_brighter_than_the_face() -> None:
    face = faces.drawn()
    y, uv = frame_of("drawn", OPEN=0.6)
    inside = faces.between_the_lips(face, opening=0.5, share=0.35)
    teeth = inside & (y > 0.75 * np.percentile(y[inside], 97))
    assert teeth.sum() > 20
    left, top, right, bottom = face.rig.skin_box
    highlights = np.percentile(face.rig.y[top:bottom, left:right], 99)
    assert np.percentile(y[teeth], 95) <= highlights
    blue, red = (
        cv2.resize(uv[..., i], y.shape[::-1], interpolation=cv2.INTER_LINEAR)[teeth].mean() - 128.0 for i in (0, 1)
    )
    # Yellowish rather than grey: less blue, more red.
    assert blue < -2
    assert red > 1


@both
@pytest.mark.parametrize("opening", [0.2, 0.25, 0.6])
def test_a_raised_tongue_shows(name: str, opening: float) -> None:
    face = BOTH[name]()
    inside = faces.between_the_lips(face, opening=0.9 * opening, share=0.4)
    low, high = frame_of(name, OPEN=opening), frame_of(name, OPEN=opening, tongue=1)
    changed = inside & (cv2.absdiff(low[0], high[0]) > 6)
    assert changed.sum() > 0.05 * inside.sum()
    assert np.array_equal(faces.outside(low[0], face.rig.mouth_box), faces.outside(high[0], face.rig.mouth_box))
    # It is flesh, where teeth or the dark were.
    assert redness(high)[changed].mean() > max(128 + 6, redness(low)[changed].mean() + 2)
    assert 30 < high[0][changed].mean() < np.percentile(face.rig.y, 90)


@both
def test_a_blink_hides_the_eyes_and_gives_them_back(name: str) -> None:
    face = BOTH[name]()
    stage = Stage(face.rig)
    rows = performance([{}] * 3)
    open_eyes, _ = stage.paint(rows, 0)
    shut, _ = stage.paint(pose(blink=1))
    again, _ = stage.paint(rows, 0)
    assert np.array_equal(again, open_eyes)
    for side in ("right", "left"):
        upper, lower = (group(face.points, f"{side}_eye_{edge}") for edge in ("upper", "lower"))
        middle = (upper[3:6].mean(0) + lower[3:6].mean(0)) / 2
        radius = max(3, round(0.3 * float((lower[:, 1] - upper[:, 1]).max())))
        x, y = int(middle[0]), int(middle[1])
        iris: Box = (x - radius, y - radius, x + radius, y + radius)
        # The lid is skin: light, where the iris was dark.
        assert view(shut, iris).min() > view(open_eyes, iris).min() + 25
        assert view(shut, iris).mean() > view(open_eyes, iris).mean() + 15


@both
@pytest.mark.parametrize(("x", "y"), [(0.04, 0.0), (0.0, 0.03), (-0.03, -0.02)])
def test_the_head_moves_by_what_was_asked(name: str, x: float, y: float) -> None:
    face = BOTH[name]()
    moved, _ = frame_of(name, HEAD_X=x, HEAD_Y=y)
    eyes = np.concatenate([group(face.points, n) for n in ("right_eye_upper", "left_eye_upper", "nose_base")])
    (left, top), (right, bottom) = (eyes.min(0) - 12).astype(int), (eyes.max(0) + 12).astype(int)
    box: Box = (int(left), int(top), int(right), int(bottom))
    window = cv2.createHanningWindow((box[2] - box[0], box[3] - box[1]), cv2.CV_32F)
    still = view(frame_of(name)[0], box).astype(np.float32)
    (dx, dy), _ = cv2.phaseCorrelate(still, view(moved, box).astype(np.float32), window)
    expected = face.frame.unit * (x * face.frame.ex + y * face.frame.ey)
    assert np.abs(np.array([dx, dy]) - expected).max() < 0.35


@both
def test_brows_rise(name: str) -> None:
    face = BOTH[name]()
    raised, _ = frame_of(name, BROW=1)
    still, _ = frame_of(name)
    for side in ("right", "left"):
        brow = np.concatenate([group(face.points, f"{side}_brow_{edge}") for edge in ("upper", "lower")])
        (left, top), (right, bottom) = (brow.min(0) - 6).astype(int), (brow.max(0) + 3).astype(int)
        strip: Box = (int(left), int(top), int(right), int(bottom))
        window = cv2.createHanningWindow((strip[2] - strip[0], strip[3] - strip[1]), cv2.CV_32F)
        (_, dy), _ = cv2.phaseCorrelate(
            view(still, strip).astype(np.float32), view(raised, strip).astype(np.float32), window
        )
        assert dy < -0.01 * face.frame.unit


@both
@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.SEAL], ids=lambda mode: mode.name)
def test_every_mode_changes_the_picture(name: str, mode: Mode) -> None:
    amount = 0.03 if mode in (Mode.HEAD_X, Mode.HEAD_Y, Mode.ROLL) else 1.0
    face = BOTH[name]()
    moved = frame_of(name, **{mode.name: amount})[0]
    assert (cv2.absdiff(moved, frame_of(name)[0]) > 2).sum() > 0.01 * face.frame.unit**2
