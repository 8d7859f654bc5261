"""What the face networks look at: squares of a picture, scaled to a network's input.

A `Box` is left, top, right, bottom in pixels of the picture, centres at .5; it may reach beyond the picture's edges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance import settings
from appliance.pipeline.images import Picture

Box = tuple[float, float, float, float]

_SMALLEST_TILE: Final = 2 * settings.MIN_FACE_PIXELS
"""With half of it overlapping, a face of the least size lies whole in one of the tiles."""
_MOST_TILES: Final = 1100
"""A finer step of the search would take too long; without it a face of the least size is found in 64 megapixels too."""
_PIXELS_PER_VIEW_PIXEL: Final = 4
"""So many of a picture's pixels, each way, are enough to make one of a view."""


@dataclass(frozen=True, slots=True)
class Roi:
    """A square of the picture: centre, side, and the angle of its x axis in radians."""

    x: float
    y: float
    side: float
    angle: float

    def to_picture(self, side: int) -> NDArray[np.float64]:
        """The affine map [2, 3] to the picture from a network's input of `side` pixels."""
        scale = self.side / side
        cos, sin = scale * math.cos(self.angle), scale * math.sin(self.angle)
        half = side / 2
        return np.array([[cos, -sin, self.x - half * (cos - sin)], [sin, cos, self.y - half * (sin + cos)]])


def square(x: float, y: float, side: float) -> Box:
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


def search_plan(width: int, height: int) -> list[list[Box]]:
    """Square regions to look at, coarse to fine: the whole, the whole with a wide margin, half-overlapping tiles."""
    longest = max(width, height)
    plan = [[square(width / 2, height / 2, longest)], [square(width / 2, height / 2, 1.8 * longest)]]
    side = longest / 2
    while side >= _SMALLEST_TILE and 4 * width * height <= _MOST_TILES * side**2:
        columns = np.linspace(side / 2, max(width - side / 2, side / 2), max(1, math.ceil(2 * width / side) - 1))
        rows = np.linspace(side / 2, max(height - side / 2, side / 2), max(1, math.ceil(2 * height / side) - 1))
        plan.append([square(float(x), float(y), side) for y in rows for x in columns])
        side /= 2
    return plan


class Pyramid:
    """A picture and its halves: looking at all of a huge picture many times over need not read all of it each time."""

    def __init__(self, picture: Picture) -> None:
        self._halves = [picture]

    def letterboxed(self, region: Box, side: int) -> Picture:
        """As `letterboxed` of the whole picture."""
        reduction = (region[2] - region[0]) / (side * _PIXELS_PER_VIEW_PIXEL)
        times = int(max(0.0, math.log2(reduction)))
        while len(self._halves) <= times:
            height, width = (max(1, length // 2) for length in self._halves[-1].shape[:2])
            half = cv2.resize(self._halves[-1], (width, height), interpolation=cv2.INTER_AREA)
            self._halves.append(np.asarray(half, dtype=np.uint8))
        left, top, right, bottom = (edge / 2**times for edge in region)
        return letterboxed(self._halves[times], (left, top, right, bottom), side)


def letterboxed(picture: Picture, region: Box, side: int) -> Picture:
    """The region scaled to a network's input; black where it leaves the picture."""
    height, width = picture.shape[:2]
    scale = side / (region[2] - region[0])
    x0, y0 = max(0, math.floor(region[0])), max(0, math.floor(region[1]))
    x1, y1 = min(width, math.ceil(region[2])), min(height, math.ceil(region[3]))
    left, top = max(0, round((x0 - region[0]) * scale)), max(0, round((y0 - region[1]) * scale))
    wide = min(max(1, round((x1 - x0) * scale)), side - left)
    high = min(max(1, round((y1 - y0) * scale)), side - top)
    view = np.zeros((side, side, 3), np.uint8)
    if x1 <= x0 or y1 <= y0 or min(wide, high) < 1:
        return view  # all of it lies outside
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    view[top : top + high, left : left + wide] = cv2.resize(picture[y0:y1, x0:x1], (wide, high), interpolation=method)
    return view


def cut(picture: Picture, roi: Roi, side: int) -> Picture:
    """The square as a network's input; the picture's edge goes on where the square leaves it."""
    height, width = picture.shape[:2]
    to_picture = roi.to_picture(side)
    reach = roi.side * 0.75  # half a diagonal, and some
    x0, y0 = (int(np.clip(math.floor(c - reach), 0, n - 1)) for c, n in ((roi.x, width), (roi.y, height)))
    x1, y1 = (int(np.clip(math.ceil(c + reach), 1, n)) for c, n in ((roi.x, width), (roi.y, height)))
    piece = picture[y0 : max(y1, y0 + 1), x0 : max(x1, x0 + 1)]
    to_piece = to_picture - np.array([[0, 0, x0], [0, 0, y0]])
    shrink = max(1.0, roi.side / side)
    if shrink > 1:  # sampling alone would alias
        size = (max(1, round(piece.shape[1] / shrink)), max(1, round(piece.shape[0] / shrink)))
        ratio = np.array([[size[0] / piece.shape[1]], [size[1] / piece.shape[0]]])
        piece = np.asarray(cv2.resize(piece, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        to_piece = to_piece * ratio
    # OpenCV samples at whole coordinates; ours have pixel centres at .5.
    to_piece[:, 2] += to_piece[:, :2] @ (0.5, 0.5) - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    view = cv2.warpAffine(piece, to_piece, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(view, dtype=np.uint8)
