"""Boxes of pixels: (left, top, right, bottom), right and bottom excluded."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil, floor
from typing import Any

from numpy.typing import NDArray

from appliance.pipeline.face_frame import Box


def view(plane: NDArray[Any], box: Box) -> NDArray[Any]:
    """The part of a plane (or of anything of its size) in a box."""
    left, top, right, bottom = box
    return plane[top:bottom, left:right]


def halved(box: Box) -> Box:
    """An even box in the chroma planes' pixels."""
    left, top, right, bottom = box
    return left // 2, top // 2, right // 2, bottom // 2


def shifted(box: Box, x: int, y: int) -> Box:
    """A box moved right and down."""
    left, top, right, bottom = box
    return left + x, top + y, right + x, bottom + y


def within(box: Box, outer: Box) -> Box:
    """A box of the picture in the pixels of another one."""
    return shifted(box, -outer[0], -outer[1])


def bounds(boxes: Sequence[Box]) -> Box:
    """The smallest box around all."""
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def without(box: Box, hole: Box) -> list[Box]:
    """What is left of a box without a hole: above, below, to the left and to the right of it."""
    left, top, right, bottom = box
    hole_left, hole_right = max(left, hole[0]), min(right, hole[2])
    hole_top, hole_bottom = max(top, hole[1]), min(bottom, hole[3])
    if hole_left >= hole_right or hole_top >= hole_bottom:
        return [box]
    around = [
        (left, top, right, hole_top),
        (left, hole_bottom, right, bottom),
        (left, hole_top, hole_left, hole_bottom),
        (hole_right, hole_top, right, hole_bottom),
    ]
    return [part for part in around if part[0] < part[2] and part[1] < part[3]]


def even_around(places: Iterable[Sequence[float]], limit: Box) -> Box:
    """The smallest even box around places (x, y), inside `limit` (which is even, too); empty if they are outside.

    In plain numbers: for a handful of places that is quicker than arrays.
    """
    x, y = zip(*places, strict=True)
    left, top, right, bottom = limit
    return (
        min(max(floor(min(x) / 2) * 2, left), right),
        min(max(floor(min(y) / 2) * 2, top), bottom),
        min(max(ceil(max(x) / 2) * 2, left), right),
        min(max(ceil(max(y) / 2) * 2, top), bottom),
    )
