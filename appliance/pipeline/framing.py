"""Which part of a picture becomes the video, and at what size.

`expand_ratio` cuts a box around the face, grown by that share of the face's size on every side; `min_resolution` is
reached by enlarging. Sides are even, and the longer one is at most `MAX_SIDE`, which players can be relied on to show.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline import yuv
from appliance.pipeline.face_frame import Box, Floats
from appliance.pipeline.landmarks import group
from appliance.pipeline.options import Options

MAX_SIDE: Final = 4096


@dataclass(frozen=True, slots=True)
class Framing:
    """`crop` of the source in even pixels, shown at `width` x `height`."""

    crop: Box
    width: int
    height: int

    @classmethod
    def of(cls, width: int, height: int, points: Floats, options: Options) -> Framing:
        """The framing of a picture `width` x `height` with landmarks [F, K, 2] (rows of NaN are passed over)."""
        crop: Box = (0, 0, width // 2 * 2, height // 2 * 2)
        if options.expand_ratio is not None:
            crop = _around_face(points, options.expand_ratio, crop)
        wide, high = crop[2] - crop[0], crop[3] - crop[1]
        scale = max(1.0, options.min_resolution / min(wide, high))
        size = round(wide * scale / 2) * 2, round(high * scale / 2) * 2
        if max(size) > MAX_SIDE:
            raise InputError(
                f"min_resolution {options.min_resolution} would make a video of {size[0]}x{size[1]}",
                hint=f"the longer side may have {MAX_SIDE} pixels; ask for less, or crop with expand_ratio",
            )
        return cls(crop, *size)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut or scaled, but for an odd last row or column."""
        left, top, right, bottom = self.crop
        return (left, top) == (0, 0) and (right, bottom) == (self.width, self.height)

    def points(self, points: Floats) -> Floats:
        """Landmarks [..., 2] of the source in the video's pixels."""
        left, top, right, bottom = self.crop
        scale = np.array([self.width / (right - left), self.height / (bottom - top)], np.float32)
        return np.asarray((points - np.array([left, top], np.float32)) * scale, np.float32)

    def picture(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture of the source [H, W, C] as the video shows it."""
        left, top, right, bottom = self.crop
        return _sized(picture[top:bottom, left:right], self.width, self.height)

    def planes(self, y: yuv.Plane, uv: yuv.Plane) -> tuple[yuv.Plane, yuv.Plane]:
        """NV12 planes of the source as the video shows them."""
        if self.is_whole:
            return y[: self.height, : self.width], uv[: self.height // 2, : self.width // 2]
        left, top, right, bottom = self.crop
        chroma = uv[top // 2 : bottom // 2, left // 2 : right // 2]
        luma = _sized(y[top:bottom, left:right], self.width, self.height)
        return luma, _sized(chroma, self.width // 2, self.height // 2)


def _sized(picture: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    if picture.shape[:2] == (height, width):
        return np.ascontiguousarray(picture)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _around_face(points: Floats, ratio: float, whole: Box) -> Box:
    seen = points[~np.isnan(points[:, 0, 0])]
    oval = np.concatenate([group(face, "oval") for face in seen[:: max(1, len(seen) // 200)]])
    low, high = oval.min(0), oval.max(0)
    margin = ratio * (high - low).max()
    left, top = np.maximum(np.floor((low - margin) / 2) * 2, whole[:2])
    right, bottom = np.minimum(np.ceil((high + margin) / 2) * 2, whole[2:])
    return int(left), int(top), int(right), int(bottom)
