"""Planes are those of BT.709 in limited range, as FFmpeg makes them, and come back as the picture they were."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.pipeline import yuv
from tests import faces

# BGR and the levels that ITU-R BT.709 gives it in 8 bits.
COLOURS = {
    "black": ((0, 0, 0), (16, 128, 128)),
    "white": ((255, 255, 255), (235, 128, 128)),
    "grey": ((128, 128, 128), (126, 128, 128)),
    "red": ((0, 0, 255), (63, 102, 240)),
    "green": ((0, 255, 0), (173, 42, 26)),
    "blue": ((255, 0, 0), (32, 240, 118)),
}


@pytest.mark.parametrize("colour", COLOURS)
def test_colours_have_the_levels_of_the_standard(colour: str) -> None:
    bgr, levels = COLOURS[colour]
    y, uv = yuv.planes(np.full((4, 6, 3), bgr, np.uint8))
    assert (y.shape, uv.shape) == ((4, 6), (2, 3, 2))
    assert np.abs(np.array([y[0, 0], *uv[0, 0]], int) - levels).max() <= 1
    assert np.ptp(y) == np.ptp(uv[..., 0]) == np.ptp(uv[..., 1]) == 0


@settings(max_examples=40, deadline=None)
@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_every_colour_comes_back(bgr: tuple[int, int, int]) -> None:
    y, uv = yuv.planes(np.full((4, 4, 3), bgr, np.uint8))
    assert 16 <= y.min() <= y.max() <= 235
    assert 16 <= uv.min() <= uv.max() <= 240
    assert np.abs(yuv.picture(y, uv).astype(int) - bgr).max() <= 3


def test_a_photograph_has_the_planes_that_ffmpeg_gives_it() -> None:
    picture = faces.astronaut()[0]
    # Smooth, so that how chroma is filtered does not matter.
    smooth = np.asarray(cv2.GaussianBlur(picture, (0, 0), 3), np.uint8)
    y, uv = yuv.planes(smooth)
    frame = av.VideoFrame.from_ndarray(smooth, format="bgr24")
    frame = frame.reformat(
        format="nv12",
        src_colorspace=Colorspace.ITU709,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    stacked = frame.to_ndarray()
    height, width = y.shape
    assert np.abs(stacked[:height].astype(int) - y).max() <= 2
    assert np.abs(stacked[height:].reshape(height // 2, width // 2, 2).astype(int) - uv).max() <= 3


def test_a_photograph_comes_back() -> None:
    picture = faces.smiling().picture
    error = cv2.absdiff(yuv.picture(*yuv.planes(picture)), picture)
    assert error.mean() < 2


def test_a_chroma_sample_is_the_mean_of_its_four_pixels() -> None:
    picture = np.zeros((2, 4, 3), np.uint8)
    picture[:, :, 2] = [[0, 255, 80, 80], [0, 255, 80, 80]]
    _, uv = yuv.planes(picture)
    _, even = yuv.planes(np.dstack([np.zeros((2, 4, 2), np.uint8), np.full((2, 4), [128, 128, 80, 80], np.uint8)]))
    assert np.abs(uv.astype(int) - even).max() <= 1
