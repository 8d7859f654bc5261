"""The measures of the demo face: every contour that is both painted and published as a landmark.

Portrait canon on a head 540 units tall (crown 110, chin 650): eyes at half height, one eye's width between the
eyes, hairline, brow, nose base and chin a third of the face apart, the mouth a third of the way from nose to chin.
Paired contours are given for the picture's right half and mirrored.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from appliance.pipeline import landmarks
from appliance.pipeline.demo.curves import MIDLINE, Knots, Path, at_x, mirrored, smooth

CROWN: Final = 110.0
CHIN: Final = 650.0
IRIS: Final = (577.0, 380.8)
IRIS_RADIUS: Final = 16.4
MOUTH_CORNER: Final = 63.0


def _symmetric(right_half: list[tuple[float, float]], steps: int = 16) -> Path:
    """A chain from left to right across the midline; `right_half` starts on it."""
    return smooth(np.concatenate([mirrored(right_half)[:-1], np.asarray(right_half)]), steps=steps)


_CHEEK: Final = [
    (500.0, 108.0), (560.0, 114.0), (614.0, 142.0), (652.0, 190.0), (671.0, 250.0), (677.0, 320.0), (676.0, 390.0),
    (671.0, 440.0), (660.0, 490.0), (642.0, 535.0), (615.0, 579.0), (586.0, 611.0), (558.0, 634.0), (530.0, 647.0),
    (500.0, CHIN),
]  # fmt: skip
FACE_RIGHT: Final = smooth(_CHEEK)
FACE: Final = np.concatenate([FACE_RIGHT, mirrored(FACE_RIGHT)[1:-1]])

SEAM: Final = _symmetric(
    [(500, 557.8), (510, 557.2), (522, 555.8), (536, 555.0), (549, 551.8), (558, 548.2), (563, 545.0)]
)
UPPER_LIP: Final = _symmetric(
    [(500, 540.8), (505, 539.2), (512.5, 537), (521, 538), (534, 541.2), (549, 544.4), (563, 545.0)]
)
LOWER_LIP: Final = _symmetric([(500, 584.5), (513, 583.9), (527, 580.4), (541, 572.2), (553, 559.4), (563, 545.0)])

UPPER_LID: Final = smooth(
    [(538, 394), (544, 387), (554, 377), (566, 369.6), (579, 367.2), (593, 369.2), (605, 375), (618, 384.5)]
)
LOWER_LID: Final = smooth(
    [(538, 394), (546, 395.2), (558, 397.6), (572, 399.4), (586, 398.6), (600, 394.6), (611, 388.6), (618, 384.5)]
)

BROW_UPPER: Final = smooth([(533, 340), (549, 332.5), (570, 325), (592, 320.4), (612, 323), (629, 333), (640, 344)])
BROW_LOWER: Final = smooth(
    [(534, 350.5), (550, 346), (570, 339.5), (590, 333.6), (610, 332.4), (627, 338.4), (640, 345)]
)


# Where along each contour the points of the face mesh lie, measured on faces: fractions of half the mouth, and places.
_LIP_OUTER: Final = (0.0, 0.29, 0.58, 0.76, 0.91, 1.0)
_LIP_INNER: Final = (0.0, 0.27, 0.51, 0.69, 0.86, 1.0)
_SEAM_REACH: Final = 0.93
_FOREHEAD: Final = [(500, 250), (548, 251), (588, 258), (624, 270), (647, 292), (661, 318), (668, 347), (674, 384)]
_CHEEK_TO_CHIN: Final = (418, 455, 491, 530, 563, 588, 609, 625, 637, 646.5, CHIN)


def landmark_table() -> Path:
    """All named points of the face in design units, in the table's order."""
    table = np.full((landmarks.POINT_COUNT, 2), np.nan)

    def put(name: str, points: Knots) -> None:
        table[landmarks.GROUPS[name]] = points

    def pair(name: str, right_half: Path) -> None:
        """`left` is the subject's left: the picture's right half."""
        put(f"left_{name}", right_half)
        put(f"right_{name}", mirrored(right_half))

    def across_mouth(fractions: tuple[float, ...], half_width: float) -> Path:
        half = half_width * np.array(fractions)
        places: Path = MIDLINE + np.concatenate([-half[:0:-1], half])
        return places

    outer = across_mouth(_LIP_OUTER, MOUTH_CORNER)
    put("lips_upper_outer", at_x(UPPER_LIP, outer))
    put("lips_lower_outer", at_x(LOWER_LIP, outer))
    inner = across_mouth(_LIP_INNER, MOUTH_CORNER * _SEAM_REACH)
    put("lips_upper_inner", at_x(SEAM, inner))
    put("lips_lower_inner", at_x(SEAM, inner))

    edge = np.interp(_CHEEK_TO_CHIN, FACE_RIGHT[:, 1], FACE_RIGHT[:, 0])
    half = np.concatenate([_FOREHEAD, np.stack([edge, _CHEEK_TO_CHIN], axis=1)])
    put("oval", np.concatenate([half, mirrored(half)[1:-1]]))

    lid = [538.0, 545.0, 555.0, 566.0, 578.0, 590.0, 601.0, 610.0, 618.0]
    pair("eye_upper", at_x(UPPER_LID, lid))
    pair("eye_lower", at_x(LOWER_LID, lid))
    pair("brow_upper", at_x(BROW_UPPER, [537.0, 572.0, 601.0, 624.0, 638.0]))
    pair("brow_lower", at_x(BROW_LOWER, [536.0, 571.0, 599.0, 619.0, 634.0]))

    put("nose_bridge", [(500, 377), (500, 399), (500, 420), (500, 439), (500, 458)])
    put("nose_tip", [(500, 492)])
    put("nose_base", [(464, 501), (500, 510), (536, 501)])
    put("chin_crease", [(500, 607)])
    put("cheeks", [(402, 490), (598, 490)])
    put("cheekbones", [(381, 467), (619, 467)])
    return table
