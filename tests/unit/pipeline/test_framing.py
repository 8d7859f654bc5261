"""Which part of a picture is shown and how large: the face is never cut, sides are even, landmarks go along."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.pipeline import yuv
from appliance.pipeline.framing import MAX_SIDE, Framing
from appliance.pipeline.landmarks import group
from appliance.pipeline.options import Options
from tests import faces

SMALL = settings(max_examples=40, deadline=None)


def of(options: Options, *, width: int = 512, height: int = 512) -> Framing:
    return Framing.of(width, height, faces.astronaut()[1][None], options)


def test_by_default_a_large_enough_picture_is_shown_as_it_is() -> None:
    picture, points = faces.astronaut()
    framing = of(Options())
    assert framing.is_whole
    assert (framing.width, framing.height) == (512, 512)
    assert np.array_equal(framing.picture(picture), picture)
    assert np.array_equal(framing.points(points), points)


def test_an_odd_edge_is_left_out() -> None:
    framing = of(Options(min_resolution=128), width=511, height=509)
    assert framing.is_whole
    assert (framing.width, framing.height) == (510, 508)
    assert framing.picture(faces.astronaut()[0][:509, :511]).shape == (508, 510, 3)


@SMALL
@given(st.integers(128, 2160), st.integers(300, 900), st.integers(300, 900))
def test_min_resolution_is_reached_and_nothing_shrinks(wanted: int, width: int, height: int) -> None:
    try:
        framing = of(Options(min_resolution=wanted), width=width, height=height)
    except InputError:
        assert wanted * max(width, height) / min(width, height) > MAX_SIDE - 8
        return
    assert framing.width % 2 == framing.height % 2 == 0
    assert min(framing.width, framing.height) >= min(wanted, wanted // 2 * 2)
    assert framing.width >= width // 2 * 2
    assert framing.height >= height // 2 * 2
    assert framing.width / framing.height == pytest.approx(width / height, rel=0.02)


@SMALL
@given(st.floats(0, 4), st.integers(128, 800))
def test_a_crop_holds_the_face_with_its_margin(ratio: float, wanted: int) -> None:
    oval = group(faces.astronaut()[1], "oval")
    framing = of(Options(expand_ratio=ratio, min_resolution=wanted))
    left, top, right, bottom = framing.crop
    assert all(side % 2 == 0 for side in framing.crop)
    margin = ratio * np.ptp(oval, axis=0).max()
    low, high = np.maximum(oval.min(0) - margin, 0), np.minimum(oval.max(0) + margin, 512)
    assert (np.array([left, top]) <= low).all()
    assert (np.array([left, top]) > low - 2).all()
    assert (np.array([right, bottom]) >= high).all()
    assert (np.array([right, bottom]) < high + 2).all()
    points = framing.points(oval)
    assert (points >= -0.01).all()
    assert (points <= (framing.width + 0.01, framing.height + 0.01)).all()


def test_more_margin_shows_more() -> None:
    areas = []
    for ratio in (0.0, 0.3, 1.0, 4.0):
        left, top, right, bottom = of(Options(expand_ratio=ratio)).crop
        areas.append((right - left) * (bottom - top))
    assert areas == sorted(set(areas))
    assert areas[-1] == 512 * 512


def test_a_template_is_cut_to_where_its_face_goes() -> None:
    points = np.stack([faces.astronaut()[1] + (shift, 0) for shift in (-60.0, 0.0, 80.0)])
    points[1] = np.nan
    framing = Framing.of(512, 512, points, Options(expand_ratio=0))
    left, _, right, _ = framing.crop
    ovals = np.concatenate([group(points[i], "oval") for i in (0, 2)])
    assert left <= ovals[:, 0].min() < left + 2
    assert right - 2 < ovals[:, 0].max() <= right


def test_landmarks_go_where_the_picture_goes() -> None:
    picture, points = faces.astronaut()
    marked = np.zeros_like(picture)
    (nose,) = group(points, "nose_tip")
    cv2.circle(marked, (round(float(nose[0] - 0.5)), round(float(nose[1] - 0.5))), 3, (255, 255, 255), -1)
    framing = of(Options(expand_ratio=0.5, min_resolution=700))
    rows, columns = np.nonzero(framing.picture(marked)[..., 0] > 128)
    found = np.array([columns.mean() + 0.5, rows.mean() + 0.5])
    assert np.abs(found - framing.points(nose)).max() < 2


def test_planes_are_those_of_the_picture_shown() -> None:
    picture = np.asarray(cv2.GaussianBlur(faces.astronaut()[0], (0, 0), 2), np.uint8)
    for options in (Options(), Options(expand_ratio=0.4), Options(min_resolution=600, expand_ratio=1.0)):
        framing = of(options)
        y, uv = framing.planes(*yuv.planes(picture))
        wanted_y, wanted_uv = yuv.planes(framing.picture(picture))
        assert y.shape == wanted_y.shape == (framing.height, framing.width)
        assert cv2.absdiff(y, wanted_y).max() <= 4
        assert cv2.absdiff(uv, wanted_uv).mean() < 1


def test_a_video_too_large_for_players_is_refused_with_a_way_out() -> None:
    points = faces.astronaut()[1][None]
    with pytest.raises(InputError) as error:
        Framing.of(1200, 300, points, Options(min_resolution=2160))
    assert "min_resolution 2160" in error.value.message
    assert str(MAX_SIDE) in error.value.hint
