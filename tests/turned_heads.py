"""A portrait turned sideways, for tests: the face mesh's own depth, rotated and painted back to front."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.faces import FaceDetector

Picture = NDArray[np.uint8]
_GRID = 48


def turned(portrait: Picture, degrees: float) -> Picture:
    """The portrait with its one head turned to the picture's right."""
    detector = FaceDetector()
    face = detector.find(portrait)[0]
    mesh, _ = detector._run_mesh(portrait, face.roi())
    centre = mesh.mean(axis=0)
    across, down = np.meshgrid(*(np.linspace(c - face.size, c + face.size, _GRID) for c in centre[:2]))
    flat = np.stack([across.ravel(), down.ravel()], axis=1)
    nearness = 1 / (((flat[:, None] - mesh[None, :, :2]) ** 2).sum(axis=2) + (0.03 * face.size) ** 2) ** 2
    depth = (nearness * mesh[:, 2]).sum(axis=1) / nearness.sum(axis=1) - centre[2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x = flat[:, 0] - centre[0]
    target = np.stack([x * cos - depth * sin + centre[0], flat[:, 1]], axis=1).reshape(_GRID, _GRID, 2)
    far = (x * sin + depth * cos).reshape(_GRID, _GRID)
    source = flat.reshape(_GRID, _GRID, 2)
    result = np.asarray(cv2.GaussianBlur(portrait, (0, 0), 20), dtype=np.uint8)
    cells = [(far[i : i + 2, j : j + 2].mean(), i, j) for i in range(_GRID - 1) for j in range(_GRID - 1)]
    for _, i, j in sorted(cells, reverse=True):
        for corners in (((0, 0), (0, 1), (1, 0)), ((1, 1), (0, 1), (1, 0))):
            nodes = [(i + di, j + dj) for di, dj in corners]
            _paint(
                portrait,
                result,
                np.array([source[n] for n in nodes], np.float32),
                np.array([target[n] for n in nodes], np.float32),
            )
    return result


def _paint(picture: Picture, result: Picture, source: NDArray[np.float32], target: NDArray[np.float32]) -> None:
    x0, y0 = np.maximum(np.floor(target.min(axis=0)).astype(int) - 1, 0)
    x1, y1 = np.minimum(np.ceil(target.max(axis=0)).astype(int) + 2, picture.shape[1::-1])
    if x1 <= x0 or y1 <= y0:
        return
    corner = np.array([x0, y0], np.float32)
    move = cv2.getAffineTransform(target - corner, source)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    patch = cv2.warpAffine(picture, move, (int(x1 - x0), int(y1 - y0)), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(patch.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, np.round(target - corner).astype(np.int32), 1)
    result[y0:y1, x0:x1][mask > 0] = patch[mask > 0]
