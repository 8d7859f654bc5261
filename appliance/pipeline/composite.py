"""Putting the layers of a mouth together on the encoder's planes: inside, skin over it, lower lip over both."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import yuv
from appliance.pipeline.boxes import halved, view
from appliance.pipeline.face_frame import Box, Floats


def half(plane: NDArray[Any]) -> NDArray[Any]:
    """A mask or plate at the chroma planes' size."""
    return np.asarray(cv2.resize(plane, (plane.shape[1] // 2, plane.shape[0] // 2), interpolation=cv2.INTER_AREA))


def put_inside(y: yuv.Plane, uv: yuv.Plane, box: Box, inside: tuple[Floats, Floats], alpha_skin: yuv.Plane) -> None:
    """Show the inside of the mouth in `box` where the skin on the planes leaves it open."""
    luma, chroma = view(y, box), view(uv, halved(box))
    _mix(luma, luma, inside[0], _share(alpha_skin))
    _mix(chroma, chroma, inside[1], _share(half(alpha_skin))[..., None])


def put_lower_lip(
    y: yuv.Plane, uv: yuv.Plane, box: Box, low_y: yuv.Plane, low_uv: yuv.Plane, alpha_low: yuv.Plane
) -> None:
    """Lay the lower lip and the chin over what is on the planes in `box`.

    `alpha_low` [rows, w] may stop short of the box: below it the layer is whole.
    """
    left, top, right, bottom = box
    rows = alpha_low.shape[0]
    lip: Box = (left, top, right, top + rows)
    _over(view(y, lip), low_y[:rows], _share(alpha_low))
    _over(view(uv, halved(lip)), low_uv[: rows // 2], _share(half(alpha_low))[..., None])
    y[top + rows : bottom, left:right] = low_y[rows:]
    uv[(top + rows) // 2 : bottom // 2, left // 2 : right // 2] = low_uv[rows // 2 :]


def _share(alpha: yuv.Plane) -> Floats:
    return alpha.astype(np.float32) * np.float32(1 / 255)


def _mix(target: yuv.Plane, front: yuv.Plane, back: Floats, share: Floats) -> None:
    """Write `share` of the front and the rest of the back into `target`, which may be either."""
    mixed = front - back
    mixed *= share
    mixed += back
    mixed += 0.5
    target[:] = mixed.astype(np.uint8)


def _over(back: yuv.Plane, front: yuv.Plane, share: Floats) -> None:
    _mix(back, front, back.astype(np.float32), share)
