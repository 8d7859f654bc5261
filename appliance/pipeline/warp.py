"""Inverse warps from a sum of displacement modes, on a coarse grid.

A mode says where a point of the *source* goes: x + D(x). Painting needs the opposite, the source of each pixel of
the result: s = x - D(s), a fixed point. `inference_steps` iterations find it on the grid's nodes: 1 takes D at the
result's own place; each further one shrinks the error by the steepness of D. The grid is then enlarged linearly.
"""

from __future__ import annotations

import cv2
import numpy as np

from appliance.pipeline.face_frame import NO_MAP, Box, Floats
from appliance.pipeline.rig import nodes


class Warp:
    """One layer's displacement modes [modes, gh, gw, 2] over one box; not thread-safe (its buffers are reused)."""

    def __init__(self, basis: Floats, box: Box, step: int, inference_steps: int) -> None:
        self.box = box
        self._basis = np.ascontiguousarray(basis.reshape(len(basis), -1), np.float32)
        self._shape = basis.shape[1:]
        self._step = step
        self._iterations = inference_steps - 1
        self._places = nodes(box, step)
        rows, columns = self._shape[:2]
        self._index = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).astype(np.float32)
        self._full = np.empty((rows * step, columns * step, 2), np.float32)
        self._half = np.empty((rows * step // 2, columns * step // 2, 2), np.float32)

    @classmethod
    def within(cls, basis: Floats, whole: Box, part: Box, step: int, inference_steps: int) -> Warp:
        """The warp of some cells of a larger box's grid."""
        left, top, right, bottom = ((a - b) // step for a, b in zip(part, whole[:2] * 2, strict=True))
        return cls(basis[:, top : bottom + 2, left : right + 2], part, step, inference_steps)

    def maps(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """`cv2.remap` maps for the box's luma [h, w, 2] and chroma [h/2, w/2, 2], valid until the next call."""
        forward = (coefficients @ self._basis).reshape(self._shape)
        moved = forward
        for _ in range(self._iterations):
            at = self._index - moved * np.float32(1 / self._step)
            moved = np.asarray(cv2.remap(forward, at, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        # OpenCV counts pixels from their centres: pixel 0 is at 0, where our coordinates say 0.5.
        source = self._places - moved - np.float32(0.5)
        height, width = self._full.shape[:2]
        cv2.resize(source, (width, height), dst=self._full, interpolation=cv2.INTER_LINEAR)
        source -= np.float32(0.5)
        source *= np.float32(0.5)
        cv2.resize(source, (width // 2, height // 2), dst=self._half, interpolation=cv2.INTER_LINEAR)
        ring = self._step
        return self._full[ring:-ring, ring:-ring], self._half[ring // 2 : -(ring // 2), ring // 2 : -(ring // 2)]
