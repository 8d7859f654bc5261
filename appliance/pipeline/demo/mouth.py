"""The lips: closed and relaxed, on the verge of a smile."""

from __future__ import annotations

import numpy as np

from appliance.pipeline.demo.anatomy import LOWER_LIP, SEAM, UPPER_LIP
from appliance.pipeline.demo.canvas import Canvas, Image
from appliance.pipeline.demo.curves import SIDES, Path, at_x, moved, on_side, ribbon, scatter, smooth


def _between(upper: Path, lower: Path) -> Path:
    return np.concatenate([upper, lower[::-1]])


def paint_lips(canvas: Canvas) -> None:
    upper, lower = _between(UPPER_LIP, SEAM), _between(SEAM, LOWER_LIP)
    # The vermilion border: a soft bright roll above, a soft shadow below, so that no outline is needed.
    canvas.fill(ribbon(moved(UPPER_LIP[8:-8], 0, -2.6), [0, 2.2, 3.6, 2.2, 0]), "ffdcc2", 0.50, soft=1.5)
    canvas.fill(ribbon(moved(LOWER_LIP[24:-24], 0, 3.8), [0, 5, 7, 5, 0]), "a45744", 0.36, soft=3.2)
    lips = canvas.whole(canvas.patch([upper, lower], soft=1.4))
    canvas.fill(upper, "b9574f", 0.90, soft=1.3)
    canvas.fill(lower, "cb6a60", 0.88, soft=1.7)
    x = np.linspace(442, 558, 60)
    top, seam, bottom = at_x(UPPER_LIP, x), at_x(SEAM, x), at_x(LOWER_LIP, x)
    # Upper lip: in shade towards the seam; lower lip: light on its swell, shade under it.
    canvas.fill(_between(0.45 * top + 0.55 * seam, seam), "8a3a38", 0.55, soft=2.6, within=lips)
    canvas.fill(_between(top, 0.7 * top + 0.3 * seam), "cf7466", 0.45, soft=1.6, within=lips)
    canvas.fill(_between(0.72 * seam + 0.28 * bottom, 0.4 * seam + 0.6 * bottom), "e58f80", 0.55, soft=3.0, within=lips)
    canvas.fill(_between(0.22 * seam + 0.78 * bottom, bottom), "a94c46", 0.40, soft=2.4, within=lips)
    for corner in (442.0, 558.0):
        canvas.glow((corner, 552), (12, 7), "8c3f39", 0.40, within=lips)
    _paint_texture(canvas, lips)
    canvas.glow((489, 567.5), (13, 2.9), "ffdcd0", 0.55, within=lips)
    canvas.glow((517, 568.5), (8, 2.4), "ffd4c8", 0.32, within=lips)
    canvas.glow((494, 546), (6, 1.8), "f3b3a4", 0.35, within=lips)
    canvas.fill(ribbon(SEAM, [0.4, 2.2, 2.8, 3.0, 2.6, 3.0, 2.8, 2.2, 0.4]), "551d20", 0.85, soft=0.9)
    canvas.fill(ribbon(moved(SEAM, 0, 1.2), [0, 3, 4.5, 4, 4.5, 3, 0]), "6a2526", 0.42, soft=1.8, within=lips)
    for side in SIDES:
        tuck = smooth(on_side([(560, 549.6), (564.5, 545.8), (567.5, 542.8)], side))
        canvas.fill(ribbon(tuck, [1.6, 2.6, 0.8]), "7d3a30", 0.55, soft=1.5)
        canvas.glow((float(tuck[len(tuck) // 2, 0]), 548), (7, 6), "a3543f", 0.26)


def _paint_texture(canvas: Canvas, lips: Image) -> None:
    """The fine vertical folds of the vermilion."""
    for i in range(46):
        x = 446 + 108 * (i + 0.5) / 46 + 1.4 * (scatter(i) - 0.5)
        lean = (x - 500) * 0.10
        seam, bottom = at_x(SEAM, [x])[0, 1], at_x(LOWER_LIP, [x])[0, 1]
        top = at_x(UPPER_LIP, [x])[0, 1]
        reach = 0.35 + 0.45 * scatter(i, 1)
        fold = smooth([(x, seam + 1), (x + lean * 0.6, seam + (bottom - seam) * reach)])
        canvas.fill(ribbon(fold, [1.1, 0.2]), "98443f", 0.18, soft=0.5, within=lips)
        if i % 2:
            fold = smooth([(x, seam - 1), (x + lean * 0.3, seam - (seam - top) * reach)])
            canvas.fill(ribbon(fold, [1.0, 0.2]), "7f3434", 0.15, soft=0.5, within=lips)
