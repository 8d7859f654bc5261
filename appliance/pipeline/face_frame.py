"""The face's own coordinate frame, and smooth fields through scattered points.

A `FaceFrame` has its origin midway between the corners of the mouth, `ex` towards the picture's right along the
mouth, `ey` towards the chin. Its `unit` in pixels is the distance from the middle of the eyes to the middle of the
mouth, which neither speech nor turning the head to the side changes much; `mouth` is the width that the mouth of a
face of that size has in speech, in pixels. Local coordinates are pixels along (ex, ey).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.landmarks import Points, group

Floats = NDArray[np.floating[Any]]
Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels, right and bottom excluded."""

NO_MAP = np.empty(0, np.float32)
"""What `cv2.remap` wants as its second map where the first holds both coordinates."""

# Share of a mouth's width that follows the portrait; the rest follows the face's unit, so that a broad smile
# does not make every movement larger.
_OWN_WIDTH = 0.5
_WIDTH_PER_UNIT = 0.92


@dataclass(frozen=True, slots=True)
class FaceFrame:
    """Origin [2], axes [2] each, and the two lengths in pixels."""

    origin: Floats
    ex: Floats
    ey: Floats
    unit: float
    mouth: float

    @classmethod
    def of(cls, points: Points) -> FaceFrame:
        corners = group(points, "lips_upper_outer")[[0, -1]]
        right_eye = group(points, "right_eye_upper")[[0, -1]].mean(0)
        left_eye = group(points, "left_eye_upper")[[0, -1]].mean(0)
        # The eyes steady the axis: a lopsided smile is not a tilted head.
        along = (left_eye - right_eye) / np.linalg.norm(left_eye - right_eye)
        along = along + (corners[1] - corners[0]) / np.linalg.norm(corners[1] - corners[0])
        ex = along / np.linalg.norm(along)
        ey = np.array([-ex[1], ex[0]])
        origin = corners.mean(0)
        unit = float((origin - (right_eye + left_eye) / 2) @ ey)
        width = float((corners[1] - corners[0]) @ ex)
        mouth = _OWN_WIDTH * width + (1 - _OWN_WIDTH) * _WIDTH_PER_UNIT * unit
        return cls(origin.astype(np.float32), ex.astype(np.float32), ey.astype(np.float32), unit, mouth)

    def local(self, points: Floats) -> Floats:
        """Pixels of the picture to local coordinates; the last axis is (x, y)."""
        centred = points - self.origin
        return np.stack([centred @ self.ex, centred @ self.ey], axis=-1)

    def pixels(self, local: Floats) -> Floats:
        """Local coordinates to pixels of the picture."""
        return np.asarray(self.origin + self.turned(local), np.float32)

    def turned(self, local: Floats) -> Floats:
        """A local displacement as a displacement in the picture."""
        return np.asarray(local[..., :1] * self.ex + local[..., 1:] * self.ey, np.float32)


def thin_plate(centres: Floats, values: Floats, places: Floats, *, stiffness: float = 1e-4) -> Floats:
    """The thin-plate spline through `values` [K, M] at `centres` [K, 2], evaluated at `places` [P, 2] -> [P, M].

    Kernel r^2 log r with an affine part (Bookstein 1989). `stiffness`, relative to the spread of the centres, lets
    the surface miss a value a little where landmarks crowd together.
    """
    spread = float(np.ptp(centres, axis=0).max())
    middle = centres.mean(0)
    known, wanted = (centres - middle) / spread, (places - middle) / spread
    count = len(centres)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _kernel(known, known) + stiffness * np.eye(count)
    system[:count, count:] = _affine(known)
    system[count:, :count] = system[:count, count:].T
    right = np.zeros((count + 3, values.shape[1]))
    right[:count] = values
    weights = np.linalg.solve(system, right).astype(np.float32)
    return _kernel(wanted, known) @ weights[:count] + _affine(wanted) @ weights[count:]


def _affine(places: Floats) -> Floats:
    return np.concatenate([np.ones((len(places), 1), np.float32), places], axis=1)


def _kernel(left: Floats, right: Floats) -> Floats:
    difference = left[:, None, :] - right[None, :, :]
    squared = np.einsum("ijk,ijk->ij", difference, difference)
    return np.asarray(0.5 * squared * np.log(squared + 1e-9), np.float32)


def smoothstep(low: float, high: float, x: Floats) -> Floats:
    """0 below `low`, 1 above `high`, with a level slope at both ends."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def pixel_centres(box: Box) -> Floats:
    """Where the pixels of a box lie [h, w, 2]: pixel 0 has its centre at 0.5."""
    left, top, right, bottom = box
    x, y = np.meshgrid(np.arange(left, right, dtype=np.float32) + 0.5, np.arange(top, bottom, dtype=np.float32) + 0.5)
    return np.stack([x, y], -1)
