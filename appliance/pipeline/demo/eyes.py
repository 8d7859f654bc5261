"""Eyes and brows. Both eyes are one drawing and its reflection, but for the catch-lights, which follow the lamp."""

from __future__ import annotations

import numpy as np

from appliance.pipeline.demo.anatomy import BROW_LOWER, BROW_UPPER, IRIS, IRIS_RADIUS, LOWER_LID, UPPER_LID
from appliance.pipeline.demo.canvas import Canvas, Image, Patch, colour
from appliance.pipeline.demo.curves import MIDLINE, SIDES, Path, at_x, moved, on_side, ribbon, scatter, smooth

_LID_LEFT = float(UPPER_LID[0, 0])
_LID_WIDTH = float(UPPER_LID[-1, 0]) - _LID_LEFT


def paint_eyes(canvas: Canvas) -> None:
    for side in SIDES:
        centre = (MIDLINE + side * (IRIS[0] - MIDLINE), IRIS[1])
        opening = on_side(np.concatenate([UPPER_LID, LOWER_LID[::-1]]), side)
        _paint_socket(canvas, side)
        canvas.fill(opening, "f1e7e0", soft=0.4)
        ball = canvas.whole(canvas.patch(opening, soft=0.4))
        _paint_white(canvas, side, ball)
        _paint_iris(canvas, ball, centre)
        _paint_lids(canvas, side, ball)
        _paint_lashes(canvas, side)
        for radius in (2.7, 1.8):
            canvas.glow((centre[0] - 6.0, centre[1] - 5.6), (radius * 0.92, radius), "ffffff", 1.0, within=ball)
        canvas.glow((centre[0] + 6.4, centre[1] + 6.4), (2.0, 1.6), "f7e3cf", 0.50, within=ball)


def _paint_socket(canvas: Canvas, side: int) -> None:
    """The skin around the eye: hollow above the crease, crease, light on the lid, soft hollow beneath."""
    fold = [(537, 383), (546, 373), (560, 362.5), (578, 357.8), (596, 359.6), (611, 367), (622, 377)]
    crease = smooth(on_side(fold, side))
    canvas.fill(ribbon(moved(crease, 0, -3.5), [2, 8, 10, 10, 9, 4]), "8d4a3a", 0.30, soft=4.5)
    canvas.fill(ribbon(crease, [0.3, 1.8, 2.2, 2.2, 1.8, 0.3]), "6f3327", 0.44, soft=1.2)
    canvas.fill(ribbon(moved(crease, 0, 5.5), [0, 4, 6, 6, 4, 0]), "eeb699", 0.35, soft=2.0)
    lower = on_side(LOWER_LID, side)
    canvas.fill(ribbon(moved(lower, 0, 4), [0, 3, 5, 4, 0]), "ffdcc4", 0.36, soft=1.8)
    canvas.fill(ribbon(moved(lower, 0, 10), [0, 4, 5, 4, 0]), "9c5546", 0.22, soft=3.2)


def _paint_white(canvas: Canvas, side: int, ball: Image) -> None:
    for corner, tint in ((UPPER_LID[0], "c98f80"), (UPPER_LID[-1], "b98577")):
        x, y = on_side([corner], side)[0]
        canvas.glow((float(x), float(y)), (12, 12), tint, 0.55, within=ball)
    caruncle = on_side([(541.5, 392.4)], side)[0]
    canvas.glow((float(caruncle[0]), float(caruncle[1])), (3.8, 3.0), "cf7068", 0.95, within=ball)
    canvas.glow((float(caruncle[0]), float(caruncle[1]) - 0.4), (0.9, 0.9), "ffe9e2", 0.8, within=ball)


def _paint_iris(canvas: Canvas, ball: Image, centre: tuple[float, float]) -> None:
    """Dark rim, fibres, and the glow opposite the lamp where light leaves the iris."""
    (cx, cy), r = centre, IRIS_RADIUS
    rows, columns, x, y = canvas.grid(cx - r - 2, cy - r - 2, cx + r + 2, cy + r + 2)
    dx, dy = (x - cx) / r, (y - cy) / r
    distance, angle = np.hypot(dx, dy), np.arctan2(dy, dx)
    fibres = np.sin(angle * 37 + 3 * np.sin(angle * 5)) * np.sin(angle * 23 + 1.3)
    outward = np.clip((distance - 0.38) / 0.6, 0, 1)
    tone = colour("7a4a22") + (colour("4a2a14") - colour("7a4a22")) * outward[..., None]
    tone += (0.05 * fibres * np.sqrt(1 - outward))[..., None]
    glow = np.clip(0.5 + 0.8 * dy + 0.25 * dx, 0, 1) * np.exp(-(((distance - 0.68) / 0.24) ** 2))
    tone += (0.60 * glow)[..., None] * (colour("d8934a") - tone)
    tone *= (1 - 0.72 * np.clip((distance - 0.80) / 0.2, 0, 1) ** 1.5)[..., None]
    softness = 1.2 / (r * min(canvas.unit, 1.0))
    pupil = np.clip((0.41 - distance) / softness + 0.5, 0, 1)
    tone += pupil[..., None] * (colour("120a08") - tone)
    disc = np.clip((1 - distance) / (1.5 * softness) + 0.5, 0, 1)
    canvas.lay(Patch(rows, columns, disc.astype(np.float32)), tone.astype(np.float32), within=ball)


def _paint_lids(canvas: Canvas, side: int, ball: Image) -> None:
    """The upper lid's shadow on the eyeball, the moist rim of the lower lid, and the lash lines."""
    lower = on_side(LOWER_LID, side)
    canvas.fill(ribbon(moved(on_side(UPPER_LID, side), 0, 3.6), [3, 7, 8, 7, 3]), "4a2a26", 0.52, soft=2.2, within=ball)
    canvas.fill(ribbon(moved(lower, 0, -0.4), [1.0, 1.8, 2.0, 1.8, 1.0]), "d99a88", 0.75, soft=0.5)
    line = smooth(on_side(np.concatenate([UPPER_LID[::8], [(622.5, 380.6)]]), side))
    canvas.fill(ribbon(moved(line, 0, 0.2), [0.6, 1.7, 2.5, 3.0, 3.4, 3.6, 2.8, 0.4]), "2a1511", 0.92, soft=0.5)
    canvas.fill(ribbon(lower[len(lower) // 3 :], [0.3, 1.0, 1.2, 0.6]), "5a2c22", 0.40, soft=0.7)


def _paint_lashes(canvas: Canvas, side: int) -> None:
    """Upper lashes sweep outward, short because a blink stretches them; the lower ones are a hint."""
    upper, lower = [], []
    for i in range(36):
        t = 0.16 + 0.83 * (i + 0.7 * scatter(i, 4)) / 36
        root = at_x(UPPER_LID, [_LID_LEFT + _LID_WIDTH * t])[0] - [0, 1]
        length = (2.2 + 5.6 * t) * (0.75 + 0.5 * scatter(i))
        lean = -0.25 + 1.65 * t + 0.30 * (scatter(i, 1) - 0.5)
        tip = root + length * np.array([np.sin(lean), -0.7 * np.cos(lean)])
        bend = (root + tip) / 2 + length * np.array([0.14, 0.14])
        upper.append(ribbon(smooth(on_side([root, bend, tip], side), steps=6), [1.4, 1.0, 0.2]))
    for i in range(18):
        t = 0.34 + 0.62 * (i + 0.6 * scatter(i, 5)) / 18
        root = at_x(LOWER_LID, [_LID_LEFT + _LID_WIDTH * t])[0] + [0, 0.6]
        lean = -0.1 + 0.9 * t
        tip = root + (1.6 + 2.4 * t) * (0.7 + 0.6 * scatter(i, 2)) * np.array([np.sin(lean), np.cos(lean)])
        lower.append(ribbon(on_side(np.linspace(root, tip, 5), side), [0.8, 0.2]))
    canvas.fill(upper, "24120f", 0.66, soft=0.5)
    canvas.fill(lower, "3a1d17", 0.32, soft=0.5)


def paint_brows(canvas: Canvas) -> None:
    """A soft body, then hairs: upright at the inner end, combed outward along the arch, down along the tail."""
    left, width = float(BROW_UPPER[0, 0]), float(BROW_UPPER[-1, 0] - BROW_UPPER[0, 0])
    for side in SIDES:
        canvas.fill(on_side(np.concatenate([BROW_UPPER, BROW_LOWER[::-1]]), side), "56331f", 0.42, soft=2.4)
        # The hairs thin out towards the nose.
        thinning = on_side([(541, 290), (670, 290), (670, 380), (541, 380)], side)
        dense = canvas.whole(canvas.patch(thinning, soft=5))
        for layer, tint in enumerate(("6b4430", "3a2016", "54331f", "2f1911")):
            hairs: list[Path] = []
            for i in range(80):
                t, level = (i + scatter(i, 9 + layer)) / 80, scatter(i, 20 + layer)
                x = left + 1 + (width - 5) * t
                top, bottom = at_x(BROW_UPPER, [x])[0, 1], at_x(BROW_LOWER, [x])[0, 1]
                root = np.array([x, bottom + (top - bottom) * 0.8 * level])
                lean = np.interp(t, [0, 0.15, 0.5, 1.0], [0.15, 0.75, 1.22, 1.85]) + 0.30 * (level - 0.3)
                length = np.interp(t, [0, 0.3, 1], [7.5, 11, 8]) * (0.7 + 0.5 * scatter(i, 30 + layer))
                tip = root + length * np.array([np.sin(lean), -np.cos(lean)])
                bend = (root + tip) / 2 + [0.5, -0.7]
                hairs.append(ribbon(smooth(on_side([root, bend, tip], side), steps=5), [0.9, 0.8, 0.1]))
            canvas.fill(hairs, tint, 0.42, soft=0.4, within=dense)
