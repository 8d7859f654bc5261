"""Hair: a side-parted long bob, combed behind the ears, in strands that follow guide curves."""

from __future__ import annotations

from typing import Final

import numpy as np

from appliance.pipeline.demo.canvas import Canvas, Image
from appliance.pipeline.demo.curves import SIDES, Knots, Path, moved, on_side, resampled, ribbon, scatter, smooth

_STEPS: Final = 40
_DARK: Final = "1d1210"
_BASE: Final = "33201a"
_MID: Final = "4f3226"
_LIGHT: Final = "7a4f38"
_SHEEN: Final = "b98560"

_FRONT_LEFT: Final[tuple[Knots, ...]] = (
    ((566, 82), (510, 70), (430, 78), (354, 118), (304, 190), (282, 280), (276, 370), (272, 460), (266, 560)),
    ((566, 100), (500, 92), (420, 112), (354, 160), (314, 232), (294, 310), (286, 384), (282, 470), (278, 560)),
    ((565, 140), (506, 134), (436, 154), (374, 200), (334, 264), (312, 330), (299, 396), (292, 474), (288, 560)),
    ((562, 176), (512, 172), (452, 186), (396, 226), (356, 280), (331, 338), (312, 396), (300, 470), (296, 560)),
    ((558, 206), (522, 201), (468, 209), (416, 238), (374, 286), (345, 340), (324, 388), (308, 440), (300, 560)),
)
_FRONT_RIGHT: Final[tuple[Knots, ...]] = (
    ((562, 82), (600, 76), (648, 92), (694, 138), (720, 206), (728, 284), (728, 370), (732, 460), (738, 560)),
    ((563, 108), (604, 106), (646, 126), (682, 172), (704, 236), (713, 310), (716, 386), (722, 470), (728, 560)),
    ((564, 150), (598, 152), (632, 172), (663, 214), (684, 270), (697, 334), (705, 398), (712, 474), (718, 560)),
    ((562, 184), (590, 188), (620, 206), (648, 242), (670, 290), (686, 344), (698, 400), (706, 472), (710, 560)),
    ((558, 206), (582, 207), (608, 221), (636, 251), (657, 294), (672, 342), (688, 390), (702, 442), (706, 560)),
)
_SIDE_LEFT: Final[tuple[Knots, ...]] = (
    ((282, 300), (270, 390), (254, 480), (236, 560), (226, 640), (240, 716), (272, 770), (322, 812)),
    ((296, 320), (289, 410), (278, 490), (262, 570), (254, 646), (268, 716), (300, 768), (344, 806)),
    ((308, 340), (308, 430), (306, 510), (296, 584), (290, 652), (304, 714), (332, 760), (364, 792)),
    ((318, 370), (324, 440), (340, 525), (348, 600), (346, 664), (354, 714), (366, 746), (376, 770)),
)
_SIDE_RIGHT: Final[tuple[Knots, ...]] = (
    ((728, 300), (736, 390), (750, 480), (770, 560), (778, 646), (762, 726), (728, 784), (676, 828)),
    ((714, 320), (718, 410), (726, 490), (742, 570), (748, 650), (734, 724), (702, 780), (656, 820)),
    ((698, 340), (700, 430), (698, 510), (708, 584), (712, 656), (698, 720), (668, 768), (636, 802)),
    ((684, 370), (680, 440), (662, 525), (654, 600), (656, 666), (648, 718), (634, 752), (624, 776)),
)
_NAPE: Final[tuple[Knots, ...]] = (((586, 500), (590, 640), (608, 770)), ((668, 500), (676, 620), (652, 770)))


def paint_back(canvas: Canvas) -> None:
    """The mass of hair behind the neck, in the shade of the head."""
    knots = [
        (500, 90), (620, 110), (704, 210), (718, 360), (728, 520), (742, 660), (716, 750), (640, 775),
        (500, 770), (360, 775), (284, 750), (258, 660), (272, 520), (282, 360), (298, 210), (380, 110),
    ]  # fmt: skip
    mass = smooth(knots, closed=True)
    canvas.fill(mass, _DARK, soft=0.8)
    for side in SIDES:
        sheet = tuple(on_side(guide, side) for guide in _NAPE)
        canvas.fill(np.concatenate([smooth(sheet[0]), smooth(sheet[1])[::-1]]), _BASE, 0.75, soft=9)
        _Lock(canvas, sheet, 71 + side).strokes(_MID, 0.30, 26, width=1.6)


def paint_sides(canvas: Canvas) -> None:
    """The lengths that fall from behind the ears to the shoulders."""
    for x, y in ((342, 812), (660, 826)):  # where the tips rest on the jacket
        canvas.glow((x, y), (20, 8), "0d1a26", 0.5)
    for guides, seed in ((_SIDE_LEFT, 11), (_SIDE_RIGHT, 47)):
        _Lock(canvas, guides, seed).paint(strands=170, sheen=(0.40, 0.62), ragged=0.10)


def paint_front(canvas: Canvas) -> None:
    """The hair over the skull, from the parting to behind the ears, and its shadow on the forehead."""
    for guides in (_FRONT_LEFT, _FRONT_RIGHT):
        edge = smooth(guides[-1][:7])
        canvas.fill(ribbon(moved(edge, 0, 5), [4, 14, 16, 14, 12, 6, 2]), "70382a", 0.42, soft=5)
    # Below the ears the strands go over into the lengths: the sheet fades out.
    _, _, _, y = canvas.grid(0, 0, 1000, 1000)
    above = np.repeat(np.clip((545 - y) / 110, 0, 1).astype(np.float32), canvas.size, axis=1)
    for guides, seed in ((_FRONT_RIGHT, 5), (_FRONT_LEFT, 23)):
        _Lock(canvas, guides, seed, above).paint(strands=260, sheen=(0.24, 0.42), ragged=0.0)
    parting = smooth([(565, 80), (565, 120), (563, 165), (558, 204)])
    canvas.fill(ribbon(parting, [1, 4, 4, 1]), _DARK, 0.6, soft=2.5)


class _Lock:
    """A sheet of hair between guide curves, painted as a mass and then ever lighter and shorter strands."""

    def __init__(self, canvas: Canvas, guides: tuple[Knots, ...], seed: int, within: Image | None = None) -> None:
        self._canvas = canvas
        self._sheet = np.stack([resampled(smooth(guide), _STEPS) for guide in guides])
        self._seed = seed
        self._within = within

    def paint(self, *, strands: int, sheen: tuple[float, float], ragged: float) -> None:
        """`sheen` is the stretch of the strands' length that faces the lamp; `ragged` is how much their ends vary."""
        canvas = self._canvas
        stop = 1 - ragged / 3
        tips = [self._strand(place, stop, stop)[:1] for place in np.linspace(0.1, 0.9, 9)]
        mass = np.concatenate([self._strand(0, 0, stop), *tips, self._strand(1, 0, stop)[::-1]])
        canvas.fill(mass, _BASE, soft=1.0, within=self._within)
        inside = canvas.whole(canvas.patch(mass, soft=1.2))
        if self._within is not None:
            inside *= self._within
        low, high = sheen
        self.strokes(_DARK, 0.60, strands, width=2.4, ragged=ragged)
        self.strokes(_MID, 0.60, strands, width=2.2, ragged=ragged, layer=1)
        band = smooth(self._sheet[:, round((low + high) / 2 * (_STEPS - 1))])
        canvas.fill(ribbon(band, [30, 60, 60, 30]), _LIGHT, 0.50, soft=20, within=inside)
        self.strokes(_LIGHT, 0.42, strands, low - 0.16, high + 0.18, width=1.9, ragged=0.3, layer=2)
        self.strokes(_SHEEN, 0.36, strands, low - 0.05, high + 0.05, width=1.5, ragged=0.3, layer=3)
        self.strokes(_DARK, 0.50, strands // 3, width=1.5, ragged=ragged, layer=4)
        canvas.fill(ribbon(self._strand(1, 0, 1), [2, 14, 18, 16, 10]), _DARK, 0.6, soft=6, within=inside)
        canvas.fill(ribbon(self._strand(0, 0, 1), [2, 16, 24, 24, 12]), _DARK, 0.6, soft=8, within=inside)
        # A few hairs stray over either edge.
        self.strokes(_MID, 0.45, strands // 16, 0.25, 0.75, width=0.8, ragged=0.7, layer=5, across=(-0.016, 0.02))
        self.strokes(_MID, 0.40, strands // 10, 0.05, 0.60, width=0.8, ragged=0.3, layer=6, across=(0.97, 1.05))

    def _strand(self, across: float, start: float, end: float) -> Path:
        """A strand from `start` to `end` of its length, at a place 0..1 across the sheet (a little beyond: a stray)."""
        place = across * (len(self._sheet) - 1)
        low = min(max(int(place), 0), len(self._sheet) - 2)
        path = self._sheet[low] + (place - low) * (self._sheet[low + 1] - self._sheet[low])
        at = np.linspace(start, end, 32) * (_STEPS - 1)
        steps = np.arange(_STEPS)
        return np.stack([np.interp(at, steps, path[:, 0]), np.interp(at, steps, path[:, 1])], axis=1)

    def strokes(
        self,
        tint: str,
        opacity: float,
        count: int,
        start: float = 0.0,
        end: float = 1.0,
        *,
        width: float,
        ragged: float = 0.0,
        layer: int = 0,
        across: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        """`count` strands of one tone; their ends vary by `ragged`, and those within the sheet taper at both."""
        stream = 8 * (self._seed + 100 * layer)
        inner = start > 0
        paths = []
        for i in range(count):
            place = across[0] + (across[1] - across[0]) * scatter(i, stream)
            first = max(0.0, start + ragged * (scatter(i, stream + 1) - 0.5)) if inner else 0.0
            last = end + ragged * (scatter(i, stream + 2) - (0.5 if inner else 1.0))
            widths = [0.0, 0.5 * width, width, 0.5 * width, 0.0] if inner else [0.4, width, width, width, 0.2]
            paths.append(ribbon(self._strand(place, first, min(last, 1.0)), widths))
        self._canvas.fill(paths, tint, opacity, soft=0.5, within=self._within)
