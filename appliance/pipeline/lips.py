"""The mouth as two curves: where the upper lip ends and where the lower lip begins.

A `Mouth` is read off the landmarks once per picture. All of it is in the local coordinates of a `FaceFrame`: the
four lip chains [11, 2], and `gap`, the height of the opening that the picture itself shows at each of the 11
stations (0 for a closed mouth). For a closed mouth the two inner chains coincide with the seam, which is moved
onto the darkest line of the picture, because landmarks miss it by a pixel or two and each lip must keep its own
pixels when they part.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.face_frame import NO_MAP, FaceFrame, Floats
from appliance.pipeline.landmarks import Points, group

# A gap below this share of the mouth's width is the landmarks' noise.
_SEALED_GAP = 0.045
_SEAM_SEARCH = 0.05
_SEAM_STATIONS = 64


@dataclass(frozen=True, slots=True)
class Mouth:
    """Lip chains from the picture's left to right, local pixels; `gap` [11] local pixels."""

    upper_outer: Floats
    upper_inner: Floats
    lower_inner: Floats
    lower_outer: Floats
    gap: Floats

    @property
    def is_open(self) -> bool:
        return bool(self.gap.max() > 0)

    @property
    def corner(self) -> tuple[float, float]:
        """Where along x the opening begins and ends."""
        return float(self.upper_inner[0, 0]), float(self.upper_inner[-1, 0])

    @classmethod
    def of(cls, points: Points, frame: FaceFrame) -> Mouth:
        names = ("lips_upper_outer", "lips_upper_inner", "lips_lower_inner", "lips_lower_outer")
        upper_outer, upper_inner, lower_inner, lower_outer = (frame.local(group(points, name)) for name in names)
        gap = np.maximum(lower_inner[:, 1] - upper_inner[:, 1], 0)
        mouth = cls(upper_outer, upper_inner, lower_inner, lower_outer, gap)
        if mouth.gap.max() < _SEALED_GAP * frame.mouth:
            seam = (mouth.upper_inner + mouth.lower_inner) / 2
            return replace(mouth, upper_inner=seam, lower_inner=seam, gap=np.zeros(len(seam), np.float32))
        return mouth

    def snapped(self, luma: NDArray[np.uint8], frame: FaceFrame) -> Mouth:
        """The closed mouth with its seam moved onto the darkest smooth line nearby; an open one as it is."""
        if self.is_open:
            return self
        # From corner to corner of the lips, a little farther than the opening: the crease goes on.
        left, right = self.upper_outer[0, 0], self.upper_outer[-1, 0]
        x = np.linspace(left, right, _SEAM_STATIONS, dtype=np.float32)
        ends = (self.upper_outer[[0, -1], 1] + self.lower_outer[[0, -1], 1]) / 2
        seam = np.interp(
            x,
            [left, *self.upper_inner[1:-1, 0], right],
            [ends[0], *self.upper_inner[1:-1, 1], ends[1]],
        ).astype(np.float32)
        reach = max(2, round(_SEAM_SEARCH * frame.mouth))
        offsets = np.arange(-reach, reach + 1, dtype=np.float32)
        places = frame.pixels(np.stack(np.broadcast_arrays(x[None, :], seam[None, :] + offsets[:, None]), -1)) - 0.5
        strip = cv2.remap(luma, places, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        cost = np.asarray(cv2.GaussianBlur(strip.astype(np.float32), (0, 0), sigmaX=1.5, sigmaY=1.0), np.float32)
        # Ties go to where the landmarks are.
        cost += np.float32(10 / reach) * np.abs(offsets)[:, None]
        shift = offsets[_cheapest_path(cost)]
        shift = cv2.GaussianBlur(shift.reshape(1, -1), (0, 0), sigmaX=2.5, borderType=cv2.BORDER_REPLICATE)[0]
        moved = self.upper_inner.copy()
        moved[:, 1] = np.interp(moved[:, 0], x, seam + shift)
        return replace(self, upper_inner=moved, lower_inner=moved)


def _cheapest_path(cost: Floats) -> NDArray[np.intp]:
    """The row per column of the cheapest left-to-right path that moves at most one row per column."""
    rows, columns = cost.shape
    total = cost.copy()
    step = np.zeros(cost.shape, np.intp)
    padded = np.full(rows + 2, np.inf, np.float32)
    for column in range(1, columns):
        padded[1:-1] = total[:, column - 1]
        choices = np.stack([padded[:-2] + 2, padded[1:-1], padded[2:] + 2])
        step[:, column] = choices.argmin(0) - 1
        total[:, column] += choices.min(0)
    path = np.zeros(columns, np.intp)
    path[-1] = total[:, -1].argmin()
    for column in range(columns - 1, 0, -1):
        path[column - 1] = path[column] + step[path[column], column]
    return path
