"""Layers are mixed by their alpha, on the planes and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.pipeline.boxes import halved, view
from appliance.pipeline.composite import half, put_inside, put_lower_lip
from appliance.pipeline.face_frame import Box
from tests.faces import Planes

BOX: Box = (4, 6, 12, 14)


def canvas(luma: int = 100, chroma: int = 90) -> Planes:
    return np.full((20, 24), luma, np.uint8), np.full((10, 12, 2), chroma, np.uint8)


def test_boxes_and_views() -> None:
    y, uv = canvas()
    view(y, BOX)[:] = 1
    assert (y == 1).sum() == 64
    assert halved(BOX) == (2, 3, 6, 7)
    assert view(uv, halved(BOX)).shape == (4, 4, 2)
    assert half(np.arange(16, dtype=np.uint8).reshape(4, 4)).shape == (2, 2)


@pytest.mark.parametrize(("alpha", "luma", "chroma"), [(255, 100, 90), (0, 40, 120), (51, 52, 114)])
def test_the_inside_shows_where_skin_does_not_cover_it(alpha: int, luma: int, chroma: int) -> None:
    y, uv = canvas()
    inside = np.full((8, 8), 40, np.float32), np.full((4, 4, 2), 120, np.float32)
    put_inside(y, uv, BOX, inside, np.full((8, 8), alpha, np.uint8))
    assert (view(y, BOX) == luma).all()
    assert (view(uv, halved(BOX)) == chroma).all()
    view(y, BOX)[:] = 100
    view(uv, halved(BOX))[:] = 90
    assert (y == 100).all()
    assert (uv == 90).all()


@pytest.mark.parametrize("rows", [4, 8])
@pytest.mark.parametrize(("alpha", "luma", "chroma"), [(0, 100, 90), (255, 200, 50), (51, 120, 82)])
def test_the_lower_lip_covers_by_its_alpha_and_below_it_wholly(rows: int, alpha: int, luma: int, chroma: int) -> None:
    y, uv = canvas()
    low_y, low_uv = np.full((8, 8), 200, np.uint8), np.full((4, 4, 2), 50, np.uint8)
    put_lower_lip(y, uv, BOX, low_y, low_uv, np.full((rows, 8), alpha, np.uint8))
    shown, shown_uv = view(y, BOX), view(uv, halved(BOX))
    assert (shown[:rows] == luma).all()
    assert (shown_uv[: rows // 2] == chroma).all()
    assert (shown[rows:] == 200).all()
    assert (shown_uv[rows // 2 :] == 50).all()
    shown[:], shown_uv[:] = 100, 90
    assert (y == 100).all()
    assert (uv == 90).all()
