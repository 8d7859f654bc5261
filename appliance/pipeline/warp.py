"""Inverse warps from a sum of displacement modes, on a coarse grid.

A mode says where a point of the *source* goes: x + D(x). Painting needs the opposite, the source of each pixel of
the result: s = x - D(s), a fixed point. `inference_steps` iterations find it on the grid's nodes: 1 takes D at the
result's own place; each further one shrinks the error by the steepness of D. The grid is then enlarged linearly.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from appliance.pipeline.boxes import halved, shifted, view
from appliance.pipeline.face_frame import NO_MAP, Box, Floats
from appliance.pipeline.rig import nodes

_BANDS = 8

Maps = tuple[Floats, Floats]
"""x and y, a pair of planes: `cv2.remap` reads them faster than one of two channels."""


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
        self._kept: dict[tuple[int, int], Maps] = {}

    def spans(self, reach: Floats, least: float) -> list[Box]:
        """Where modes with coefficients up to `reach` [modes] move anything by `least` pixels or more: boxes (relative
        to the warp's own), a few bands from top to bottom, each as narrow as it can be."""
        size = np.abs(self._basis.reshape(-1, *self._shape)).max(-1)
        cells = ((size * reach[:, None, None]).max(0) > least)[1:-1, 1:-1]
        step, found = self._step, []
        for rows in np.array_split(np.arange(len(cells)), _BANDS):
            seen = np.flatnonzero(cells[rows].any(0)) if len(rows) else rows
            if len(seen):
                left, right = int(seen[0]), int(seen[-1]) + 1
                found.append((left * step, int(rows[0]) * step, right * step, (int(rows[-1]) + 1) * step))
        return found

    def move(self, coefficients: Floats) -> None:
        """Find the sources for these coefficients; `luma` and `chroma` then tell them."""
        forward = (coefficients @ self._basis).reshape(self._shape)
        moved = forward
        for _ in range(self._iterations):
            at = self._index - moved * np.float32(1 / self._step)
            moved = np.asarray(cv2.remap(forward, at, NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        # OpenCV counts pixels from their centres: pixel 0 is at 0, where our coordinates say 0.5.
        self._sources = self._places - moved - np.float32(0.5)

    def luma(self, part: Box) -> Maps:
        """`cv2.remap` maps x and y [h, w] of an even box inside the warp's own, relative to it; valid until the next
        call."""
        grids = cv2.split(self._sources[self._around(part)])
        return self._maps(grids, part, self._step)

    def chroma(self, part: Box) -> Maps:
        """The same for the chroma planes [h/2, w/2] of a box of the luma plane."""
        grids = cv2.split(self._sources[self._around(part)] * np.float32(0.5) - np.float32(0.25))
        return self._maps(grids, halved(part), self._step // 2)

    def _around(self, part: Box) -> tuple[slice, slice]:
        """The nodes of a box, and one more on every side: a cell's pixels lie between its nodes' neighbours."""
        left, top, right, bottom = part
        step = self._step
        return slice(top // step, -(-bottom // step) + 2), slice(left // step, -(-right // step) + 2)

    def _maps(self, grids: Sequence[MatLike], part: Box, cell: int) -> Maps:
        rows, columns = grids[0].shape
        place = shifted(part, -(part[0] // cell - 1) * cell, -(part[1] // cell - 1) * cell)
        size = (rows * cell, columns * cell)
        # Fresh memory would cost more than the work.
        if size not in self._kept:
            self._kept[size] = (np.empty(size, np.float32), np.empty(size, np.float32))
        x, y = self._kept[size]
        cv2.resize(grids[0], size[::-1], dst=x, interpolation=cv2.INTER_LINEAR)
        cv2.resize(grids[1], size[::-1], dst=y, interpolation=cv2.INTER_LINEAR)
        return view(x, place), view(y, place)


def sample(source: NDArray[np.uint8], maps: Maps, out: NDArray[np.uint8] | None = None) -> NDArray[np.uint8]:
    """The source at the places of a pair of maps, into `out` if it is given."""
    if out is None:
        out = np.empty(maps[0].shape + source.shape[2:], np.uint8)
    cv2.remap(source, *maps, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)
    return out
