"""The inside of the mouth in one frame: cavity, tongue and teeth in the shadow of the lips.

Works on float32 planes in the encoder's units (luma 16..235, chroma about 128) over the rig's mouth box. The upper
teeth follow the head, the lower teeth the jaw; the tongue lies on the floor of the mouth or rises to the upper teeth.
"""

from __future__ import annotations

import cv2
import numpy as np

from appliance.pipeline import modes, yuv
from appliance.pipeline.composite import half, halved, view
from appliance.pipeline.face_frame import Box, Floats
from appliance.pipeline.modes import Mode
from appliance.pipeline.rig import Rig

_LIP_SHADOW = 0.55
_BEHIND_TEETH = 0.13
"""How far below its place with a shut mouth a raised tongue lies, as a share of the mouth's width."""


class CavityPainter:
    """Paints the inside of one face's mouth."""

    def __init__(self, rig: Rig) -> None:
        self._frame, self._box, self._opening = rig.frame, rig.mouth_box, rig.opening
        plates = rig.interior
        self._cavity = _planes(plates.cavity)
        self._upper, self._lower, self._tongue = _Plate(plates.upper), _Plate(plates.lower), _Plate(plates.tongue)
        arm = -self._frame.turned(np.array([[0.0, 1.1 * self._frame.unit]], np.float32))[0]
        across, down = self._frame.ex * self._frame.unit, self._frame.ey * self._frame.unit
        self._head = np.stack([across, down, np.array([-arm[1], arm[0]])]).astype(np.float32)

    def visible(self, coefficients: Floats) -> Box:
        """The even box of the picture in which the opening lies in this frame."""
        left, right, top, bottom = self._opening
        spare = 0.1 * self._frame.mouth
        bottom += self._drop(coefficients) * 1.05
        corners = np.array([[x, y] for x in (left - spare, right + spare) for y in (top - spare, bottom + spare)])
        places = self._frame.pixels(corners) + coefficients[Mode.HEAD_X :] @ self._head
        low = np.maximum(np.floor(places.min(0) / 2) * 2, self._box[:2])
        high = np.minimum(np.ceil(places.max(0) / 2) * 2, self._box[2:])
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def paint(self, coefficients: Floats, tongue: float, box: Box, alpha_skin: yuv.Plane) -> tuple[Floats, Floats]:
        """Luma [h, w] and chroma [h/2, w/2, 2] of a visible box; `alpha_skin` [h, w] is where skin covers it."""
        head = coefficients[Mode.HEAD_X :] @ self._head
        drop = self._drop(coefficients)
        raised = min(drop, _BEHIND_TEETH * self._frame.mouth)
        within: Box = (
            box[0] - self._box[0],
            box[1] - self._box[1],
            box[2] - self._box[0],
            box[3] - self._box[1],
        )
        y = view(self._cavity[0], within).copy()
        uv = view(self._cavity[1], halved(within)).copy()
        self._tongue.over(y, uv, within, head + self._frame.ey * ((1 - tongue) * drop + tongue * raised))
        self._lower.over(y, uv, within, head + self._frame.ey * drop)
        self._upper.over(y, uv, within, head)
        reach = max(3, round(0.11 * self._frame.mouth)) | 1
        shade = cv2.blur(alpha_skin, (reach, reach), borderType=cv2.BORDER_REPLICATE).astype(np.float32)
        shade *= np.float32(-_LIP_SHADOW / 255)
        shade += 1
        y -= 16
        y *= shade
        y += 16
        return y, uv

    def _drop(self, coefficients: Floats) -> float:
        """How far the lower lip has gone down, pixels."""
        opening = float(coefficients[Mode.OPEN] + coefficients[Mode.OPEN_ROUND])
        return opening * modes.LOWER_SHARE * modes.FULL_GAP * self._frame.mouth


class _Plate:
    """One plate in planes with its alpha, moved by whole vectors."""

    def __init__(self, bgra: Floats) -> None:
        y, uv = _planes(bgra[..., :3])
        alpha = np.ascontiguousarray(bgra[..., 3])
        self._luma = np.dstack([y, alpha])
        self._chroma = np.dstack([uv, half(alpha)])

    def over(self, y: Floats, uv: Floats, within: Box, shift: Floats) -> None:
        """Lay the plate, moved by `shift` pixels, over the part `within` its box."""
        start = np.array(within[:2], np.float32)
        moved = _moved(self._luma, shift - start, y.shape)
        y += moved[..., 1] * (moved[..., 0] - y)
        moved = _moved(self._chroma, (shift - start) / 2, uv.shape)
        uv += moved[..., 2:] * (moved[..., :2] - uv)


def _moved(plate: Floats, shift: Floats, shape: tuple[int, ...]) -> Floats:
    matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
    size = (shape[1], shape[0])
    return np.asarray(cv2.warpAffine(plate, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _planes(bgr: Floats) -> tuple[Floats, Floats]:
    y, uv = yuv.planes(np.clip(bgr * 255 + 0.5, 0, 255).astype(np.uint8))
    return y.astype(np.float32), uv.astype(np.float32)
