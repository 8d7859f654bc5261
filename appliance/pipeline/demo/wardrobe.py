"""What surrounds the face: a studio backdrop, a shirt with an open collar and a jacket."""

from __future__ import annotations

from typing import Final

import numpy as np

from appliance.pipeline.demo.canvas import Canvas, colour
from appliance.pipeline.demo.curves import SIDES, Knots, disc, moved, on_side, ribbon, smooth

# Edges for the picture's right half.
_SHOULDER: Final[Knots] = [(600, 742), (632, 764), (690, 790), (770, 818), (842, 856), (884, 916), (904, 1012)]
_FRONT: Final[Knots] = [(528, 1012), (545, 940), (572, 850), (596, 770), (600, 742)]
_LAPEL: Final[Knots] = [
    (600, 744), (624, 768), (650, 806), (666, 846), (636, 851), (652, 874), (622, 930), (566, 1012), (528, 1012),
    (545, 940), (572, 850), (596, 770),
]  # fmt: skip
_COLLAR_INNER: Final[Knots] = [(587, 704), (582, 744), (562, 786), (503, 866)]
_COLLAR_OUTER: Final[Knots] = [(550, 894), (588, 846), (618, 792), (622, 756), (604, 722), (587, 704)]
_FOLDS: Final[tuple[tuple[Knots, float], ...]] = (
    (((706, 1010), (690, 950), (716, 880)), 12),
    (((646, 1010), (668, 940), (700, 890)), 9),
    (((776, 850), (758, 900), (764, 960)), 10),
)


def paint_backdrop(canvas: Canvas) -> None:
    """Paper lit behind the head, falling off towards the corners."""
    _, _, x, y = canvas.grid(0, 0, 1000, 1000)
    light = np.exp(-0.5 * (((x - 420) / 400) ** 2 + ((y - 380) / 440) ** 2))
    canvas.image[:] = colour("7fa5a5") + (colour("dfeae4") - colour("7fa5a5")) * light[..., None]


def paint_clothes(canvas: Canvas) -> None:
    """Jacket over shirt; the neck shows in the open collar."""
    opening = [(500, 862), (450, 806), (402, 742), (380, 760), (350, 850), (360, 1010)]
    shirt = smooth(on_side(opening, 1), steps=8)
    canvas.fill(np.concatenate([shirt, on_side(shirt, -1)[::-1]]), "f1ede7", soft=0.5)
    canvas.fill(ribbon(smooth([(506, 880), (508, 940), (508, 1010)]), [2, 3, 3]), "a3a5ac", 0.55, soft=1.2)
    canvas.fill(ribbon(smooth([(458, 900), (472, 950), (480, 1010)]), [4, 10, 8]), "b9bac0", 0.5, soft=6)
    canvas.glow((497, 946), (4.6, 4.6), "8f9097", 0.55)
    canvas.fill(disc((496.5, 944.5), 4.6), "fbf8f3", soft=0.6)
    canvas.fill(disc((496.5, 944.5), 2.2), "d5d2cd", soft=0.6)
    for side in SIDES:
        _paint_jacket_half(canvas, side)
        _paint_collar_half(canvas, side)


def _paint_jacket_half(canvas: Canvas, side: int) -> None:
    lit = side < 0  # the key light comes from the picture's left
    front = smooth(on_side(_FRONT, side))
    body = np.concatenate([smooth(on_side(_SHOULDER, side)), front])
    canvas.fill(body, "2c4a63", soft=0.5)
    cloth = canvas.whole(canvas.patch(body, soft=0.5))
    shoulder = smooth(on_side([(640, 775), (720, 812), (800, 850), (850, 900)], side))
    canvas.fill(ribbon(shoulder, [10, 40, 46, 20]), "5f86a3" if lit else "456a86", 0.55, soft=20, within=cloth)
    arm = smooth(on_side([(796, 1010), (810, 950), (828, 900)], side))
    canvas.fill(ribbon(arm, [16, 12, 2]), "162c3f", 0.55, soft=7, within=cloth)
    hem = float(on_side([(885, 1000)], side)[0, 0])
    canvas.glow((hem, 1000), (34, 90), "16293a", 0.15 if lit else 0.45, within=cloth)
    for knots, width in _FOLDS:
        fold = smooth(on_side(knots, side))
        canvas.fill(ribbon(fold, [0, width, 0]), "1a3246", 0.40, soft=6, within=cloth)
        canvas.fill(ribbon(moved(fold, -9, 2), [0, width * 0.7, 0]), "6d93ad", 0.20, soft=6, within=cloth)
    lapel = on_side(_LAPEL, side)
    canvas.fill(moved(lapel, 3 * side, 5), "0f2132", 0.55, soft=5, within=cloth)
    canvas.fill(lapel, "3d6480" if lit else "34566f", soft=0.6)
    flat = canvas.whole(canvas.patch(lapel, soft=0.6))
    canvas.fill(ribbon(front, [10, 16, 14, 10, 4]), "1a3043", 0.40, soft=7, within=flat)
    edge = smooth(on_side([(624, 772), (648, 808), (662, 844)], side))
    canvas.fill(ribbon(edge, [2, 5, 4]), "86abc2", 0.30, soft=3, within=flat)
    seam = on_side([(596, 800), (616, 828), (636, 851)], side)
    canvas.fill(ribbon(smooth(seam), [1.2, 1.6, 1.8]), "16293a", 0.65, soft=0.8, within=flat)


def _paint_collar_half(canvas: Canvas, side: int) -> None:
    lit = side < 0
    inner = smooth(on_side(_COLLAR_INNER, side))
    outer = smooth(on_side(_COLLAR_OUTER, side))
    flap = np.concatenate([inner, outer])
    canvas.fill(ribbon(moved(inner, -5 * side, 6), [6, 12, 12, 4]), "6e3527", 0.42, soft=6)
    canvas.fill(moved(flap, 2 * side, 7), "44525f", 0.55, soft=6)
    canvas.fill(flap, "faf7f2" if lit else "efeae4", soft=0.5)
    cloth = canvas.whole(canvas.patch(flap, soft=0.5))
    middle = smooth(on_side([(600, 716), (614, 752), (600, 802), (566, 862)], side))
    canvas.fill(ribbon(middle, [8, 14, 12, 4]), "b9bac0", 0.50, soft=9, within=cloth)
    canvas.fill(ribbon(inner, [4, 6, 6, 3]), "ffffff", 0.6, soft=3, within=cloth)
    stitch = smooth(on_side([(606, 732), (616, 758), (611, 790), (584, 840), (551, 886)], side))
    canvas.fill(ribbon(stitch, [0.7, 0.7]), "a9a8ab", 0.55, soft=0.4, within=cloth)
