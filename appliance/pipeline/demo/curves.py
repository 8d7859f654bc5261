"""Plane curves of the demo portrait: smooth paths through points, mirror images and tapered strokes.

A path is an array [n, 2] of float64 in design units: the whole picture is 1000 by 1000, x right, y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

MIDLINE: Final = 500.0
SIDES: Final = (-1, 1)

Path = NDArray[np.float64]
Knots = Sequence[tuple[float, float] | Path] | Path


def smooth(knots: Knots, *, closed: bool = False, steps: int = 16) -> Path:
    """A centripetal Catmull-Rom spline through the knots (no cusps, no overshoot), `steps` points a span."""
    p = np.asarray(knots, np.float64)
    p = np.concatenate([p[-1:], p, p[:2]]) if closed else np.concatenate([2 * p[:1] - p[1:2], p, 2 * p[-1:] - p[-2:-1]])
    t = np.concatenate([[0.0], np.cumsum(np.sqrt(np.maximum(np.linalg.norm(np.diff(p, axis=0), axis=1), 1e-6)))])
    p0, p1, p2, p3 = (p[i : len(p) - 3 + i, None] for i in range(4))
    t0, t1, t2, t3 = (t[i : len(t) - 3 + i, None, None] for i in range(4))
    s = t1 + (t2 - t1) * np.linspace(0, 1, steps, endpoint=False)[None, :, None]
    a1 = ((t1 - s) * p0 + (s - t0) * p1) / (t1 - t0)
    a2 = ((t2 - s) * p1 + (s - t1) * p2) / (t2 - t1)
    a3 = ((t3 - s) * p2 + (s - t2) * p3) / (t3 - t2)
    b1 = ((t2 - s) * a1 + (s - t0) * a2) / (t2 - t0)
    b2 = ((t3 - s) * a2 + (s - t1) * a3) / (t3 - t1)
    curve = (((t2 - s) * b1 + (s - t1) * b2) / (t2 - t1)).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, p[-2:-1]])


def on_side(knots: Knots, side: int) -> Path:
    """A path given for the picture's right half (`side` 1), there or reflected in the midline (`side` -1)."""
    p = np.array(knots, np.float64)
    p[:, 0] = MIDLINE + side * (p[:, 0] - MIDLINE)
    return p


def moved(path: Path, dx: float, dy: float) -> Path:
    """The path, shifted."""
    shifted: Path = path + np.array([dx, dy])
    return shifted


def mirrored(path: Knots) -> Path:
    """A chain reflected in the midline and reversed, so that it still runs left to right."""
    return on_side(path, -1)[::-1]


def at_x(path: Path, x: NDArray[np.float64] | Sequence[float]) -> Path:
    """The points of a path that runs from left to right at the given abscissas."""
    return np.stack([np.asarray(x, np.float64), np.interp(x, path[:, 0], path[:, 1])], axis=1)


def resampled(path: Path, count: int) -> Path:
    """`count` points at equal distances along the path, both ends included."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return np.stack([np.interp(at, length, path[:, 0]), np.interp(at, length, path[:, 1])], axis=1)


def ribbon(path: Path, widths: Sequence[float]) -> Path:
    """The outline of a stroke along the path whose width follows `widths`, spread evenly from start to end."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-9)
    at = np.linspace(0, 1, len(path))
    half = np.interp(at, np.linspace(0, 1, len(widths)), widths)[:, None] / 2
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    return np.concatenate([path + half * normal, (path - half * normal)[::-1]])


def disc(centre: tuple[float, float], radius: float) -> Path:
    """The outline of a circle."""
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    outline: Path = np.asarray(centre) + radius * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    return outline


def scatter(index: int, stream: int = 0) -> float:
    """An irregular but reproducible number in 0..1 (a multiplicative hash), in place of chance."""
    h = (index * 0x9E3779B1 + stream * 0x85EBCA77 + 0x165667B1) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 0x2C1B3C6D) & 0xFFFFFFFF
    h = ((h ^ (h >> 12)) * 0x297A2D39) & 0xFFFFFFFF
    return (h ^ (h >> 15)) / 2**32
