"""One picture in FFmpeg's NV12 layout, to and from its frames. Colours are the business of `yuv`."""

from __future__ import annotations

from typing import Final, NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from appliance.pipeline.yuv import Plane

MATRIX: Final = Colorspace.ITU709
RANGE: Final = ColorRange.MPEG


class Nv12(NamedTuple):
    """Luma [H, W] and interleaved chroma [H/2, W/2, 2]: 8 bits, BT.709, limited range."""

    y: Plane
    uv: Plane


def to_planes(frame: av.VideoFrame) -> Nv12:
    """The planes of an NV12 frame, copied out of FFmpeg's padded buffers."""
    width, height = frame.width, frame.height
    y, uv = (
        np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[:rows, :width]
        for plane, rows in zip(frame.planes, (height, height // 2), strict=True)
    )
    return Nv12(y.copy(), uv.reshape(height // 2, width // 2, 2).copy())


def to_frame(picture: Nv12) -> av.VideoFrame:
    """An NV12 frame for FFmpeg, tagged as what it is."""
    height, width = picture.y.shape
    stacked = np.concatenate([picture.y, picture.uv.reshape(height // 2, width)])
    frame = av.VideoFrame.from_ndarray(stacked, format="nv12")
    frame.colorspace, frame.color_range = MATRIX, RANGE
    return frame
