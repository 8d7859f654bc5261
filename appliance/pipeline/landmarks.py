"""The facial points that the pipeline works with, by name.

A face is an array `points` [K, 2], float32, pixels (x right, y down, pixel centres at .5), in the order of
`MESH_INDEX`. The names are groups over that order. The indices are those of the 468-point face mesh, which the
detector yields; an illustrated avatar fills the same table from its own drawing. "right" is the subject's right,
which is left in the picture. Every chain runs from left to right in the picture, the oval clockwise from the top.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_MESH_GROUPS: Final[dict[str, tuple[int, ...]]] = {
    "lips_upper_outer": (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291),
    "lips_upper_inner": (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
    "lips_lower_inner": (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
    "lips_lower_outer": (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291),
    "oval": (
        10,
        338,
        297,
        332,
        284,
        251,
        389,
        356,
        454,
        323,
        361,
        288,
        397,
        365,
        379,
        378,
        400,
        377,
        152,
        148,
        176,
        149,
        150,
        136,
        172,
        58,
        132,
        93,
        234,
        127,
        162,
        21,
        54,
        103,
        67,
        109,
    ),
    "jaw": (132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361),
    "chin": (152,),
    "chin_crease": (200,),
    "right_eye_upper": (33, 246, 161, 160, 159, 158, 157, 173, 133),
    "right_eye_lower": (33, 7, 163, 144, 145, 153, 154, 155, 133),
    "left_eye_upper": (362, 398, 384, 385, 386, 387, 388, 466, 263),
    "left_eye_lower": (362, 382, 381, 380, 374, 373, 390, 249, 263),
    "right_brow_upper": (70, 63, 105, 66, 107),
    "right_brow_lower": (46, 53, 52, 65, 55),
    "left_brow_upper": (336, 296, 334, 293, 300),
    "left_brow_lower": (285, 295, 282, 283, 276),
    "nose_bridge": (168, 6, 197, 195, 5),
    "nose_tip": (1,),
    "nose_base": (98, 2, 327),
    "cheeks": (205, 425),
    "cheekbones": (50, 280),
}

MESH_INDEX: Final[tuple[int, ...]] = tuple(dict.fromkeys(i for g in _MESH_GROUPS.values() for i in g))
_PLACE: Final = {mesh: place for place, mesh in enumerate(MESH_INDEX)}
GROUPS: Final[dict[str, NDArray[np.intp]]] = {
    name: np.array([_PLACE[i] for i in mesh], dtype=np.intp) for name, mesh in _MESH_GROUPS.items()
}
POINT_COUNT: Final = len(MESH_INDEX)

Points = NDArray[np.float32]


def from_mesh(mesh: NDArray[np.floating]) -> Points:
    """The table's points from a full mesh [468, 2 or 3] in pixels."""
    return np.ascontiguousarray(mesh[list(MESH_INDEX), :2], dtype=np.float32)


def group(points: Points, name: str) -> Points:
    """The points [n, 2] of one named group."""
    return points[GROUPS[name]]
