"""Inverse warps from a sum of displacement modes, on a coarse grid.

A mode says where a point of the *source* goes: x + D(x). Painting needs the opposite, the source of each pixel of
the result: s = x - D(s), a fixed point. `inference_steps` iterations find it on the grid's nodes: 1 takes D at the
result's own place; each further one shrinks the error by the steepness of D. The grid is then enlarged linearly.
"""

from __future__ import annotations

import cv2
import numpy as np

from appliance.pipeline.boxes import halved, shifted, view
from appliance.pipeline.face_frame import NO_MAP, Box, Floats
from appliance.pipeline.rig import nodes

_BANDS = 8


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

        self._kept: dict[tuple[int, ...], Floats] = {}

    def spans(self, reach: Floats, least: float) -> list[Box]:
        """Where modes with coefficients up to `reach` [modes] move anything by `least` pixels or more: boxes (relative
        to the warp's own), a few bands from top to bottom, each as narrow as it can be."""
        size = np.abs(self._basis.reshape(-1, *self._shape)).max(-1)
        moving = ((size * reach[:, None, None]).max(0) > least).astype(np.uint8)
        # A cell's pixels hang on the nodes around it.
        cells = cv2.dilate(moving, np.ones((3, 3), np.uint8))[1:-1, 1:-1]
        step, found = self._step, []
        for rows in np.array_split(np.arange(len(cells)), _BANDS):
            seen = np.flatnonzero(cells[rows].any(0)) if len(rows) else rows
            if len(seen):
                left, right = int(seen[0]), int(seen[-1]) + 1
                found.append((left * step, int(rows[0]) * step, right * step, (int(rows[-1]) + 1) * step))
        return found

    def move(self, coefficients: Floats) -> None:
        """Find the sources for these coefficients; `maps` then tells them."""
        forward = (coefficients @ self._basis).reshape(self._shape)
        moved = forward
        for _ in range(self._iterations):
            at = self._index - moved * np.float32(1 / self._step)
            moved = np.asarray(cv2.remap(forward, at, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        # OpenCV counts pixels from their centres: pixel 0 is at 0, where our coordinates say 0.5.
        self._sources = self._places - moved - np.float32(0.5)
        self._sources_half = self._sources * np.float32(0.5) - np.float32(0.25)

    def maps(self, part: Box) -> tuple[Floats, Floats]:
        """`cv2.remap` maps for the luma [h, w, 2] and the chroma [h/2, w/2, 2] of an even box inside the warp's own,
        relative to it; valid until the next call."""
        step = self._step
        first = part[0] // step, part[1] // step
        last = -(-part[2] // step), -(-part[3] // step)
        # One node more on every side: a cell's pixels lie between its nodes' neighbours.
        around = slice(first[1], last[1] + 2), slice(first[0], last[0] + 2)
        within: Box = shifted(part, -(first[0] - 1) * step, -(first[1] - 1) * step)
        full = self._enlarged(self._sources[around], step)
        half = self._enlarged(self._sources_half[around], step // 2)
        return view(full, within), view(half, halved(within))

    def _enlarged(self, grid: Floats, cell: int) -> Floats:
        # Fresh memory would cost more than the work.
        size = (grid.shape[0] * cell, grid.shape[1] * cell, 2)
        if size not in self._kept:
            self._kept[size] = np.empty(size, np.float32)
        return np.asarray(cv2.resize(grid, size[1::-1], dst=self._kept[size], interpolation=cv2.INTER_LINEAR))
