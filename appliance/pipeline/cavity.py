"""The inside of the mouth in one frame: cavity, tongue and teeth in the shadow of the lips.

Works on float32 planes in the encoder's units (luma 16..235, chroma about 128) over the rig's mouth box. The upper
teeth follow the head, the lower teeth the jaw; the tongue lies on the floor of the mouth or rises to the upper teeth.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import head, modes, yuv
from appliance.pipeline.boxes import even_around, halved, view
from appliance.pipeline.composite import half
from appliance.pipeline.face_frame import Box, FaceFrame, Floats, smoothstep
from appliance.pipeline.modes import Mode
from appliance.pipeline.rig import Opening, Rig

_LIP_SHADOW = 0.55
_HIDDEN_DROP = 0.04
"""With the jaw up to here, as a share of the mouth's width, the upper teeth hide all that is behind them."""
_HIDDEN_PIXELS, _HIDDEN_TUCK = 0.4, 0.02
"""With the lips no farther apart than this, nothing shows but the dark of the seam."""
_BEHIND_TEETH, _FARTHER_OUT = 0.13, 0.035
"""How far below its place with a shut mouth a raised tongue lies, as a share of the mouth's width, and how much farther
between the teeth."""
_RESTING = 0.02
"""Raised less than this the tongue moves with the lower teeth."""
_BETWEEN = (0.75, 1.0)
"""Raised from here on the tongue comes out between the teeth, as for th."""


class CavityPainter:
    """Paints the inside of one face's mouth, in the picture that its plates were made for or in a frame of a video."""

    def __init__(self, rig: Rig) -> None:
        self._frame, self._corner = rig.frame, np.array(rig.mouth_box[:2], np.float32)
        plates = rig.interior
        y, uv = yuv.planes(np.full((2, 2, 3), plates.cavity * 255 + 0.5, np.float32).astype(np.uint8))
        self._cavity_y, self._cavity_uv = np.float32(y[0, 0]), uv[0, 0].astype(np.float32)
        self._upper, self._lower, self._tongue = _Plate(plates.upper), _Plate(plates.lower), _Plate(plates.tongue)
        self._floor = _Plate(_laid_over(plates.lower, plates.tongue))

    def paint(
        self, coefficients: Floats, tongue: float, frame: FaceFrame, box: Box, alpha_skin: yuv.Plane
    ) -> tuple[Floats, Floats]:
        """Luma [h, w] and chroma [h/2, w/2, 2] of a visible box of a picture in which the face lies as `frame` says.

        `alpha_skin` [h, w] is where skin covers it.
        """
        left, top, right, bottom = box
        y = np.full((bottom - top, right - left), self._cavity_y, np.float32)
        uv = np.full((y.shape[0] // 2, y.shape[1] // 2, 2), self._cavity_uv, np.float32)
        drop = jaw_drop(coefficients, frame)
        if drop < _HIDDEN_PIXELS and coefficients[Mode.TUCK] < _HIDDEN_TUCK:
            return y, uv
        place = self._placement(frame, head_shift(coefficients, frame) - np.array([left, top]))
        between = float(smoothstep(*_BETWEEN, np.array(tongue)))
        raised = min(drop, (_BEHIND_TEETH + between * _FARTHER_OUT) * frame.mouth)
        tongue_place = _shifted(place, frame.ey * ((1 - tongue) * drop + tongue * raised))
        if drop > _HIDDEN_DROP * frame.mouth:
            jaw_place = _shifted(place, frame.ey * drop)
            if tongue < _RESTING:
                self._floor.over(y, uv, jaw_place)
            else:
                self._tongue.over(y, uv, tongue_place)
                self._lower.over(y, uv, jaw_place)
        self._upper.over(y, uv, place)
        if between > 0:
            self._tongue.over(y, uv, tongue_place, between)
        reach = max(3, round(0.11 * frame.mouth)) | 1
        shade = cv2.blur(alpha_skin, (reach, reach), borderType=cv2.BORDER_REPLICATE).astype(np.float32)
        shade *= np.float32(-_LIP_SHADOW / 255)
        shade += 1
        y -= 16
        y *= shade
        y += 16
        return y, uv

    def _placement(self, frame: FaceFrame, shift: Floats) -> Floats:
        """The similarity [2, 3] from the plates' pixels to the box's, as `cv2.warpAffine` wants it."""
        scale = frame.mouth / self._frame.mouth
        own, new = np.stack([self._frame.ex, self._frame.ey]), np.stack([frame.ex, frame.ey])
        turn = scale * new.T @ own
        # Pixel centres: 0 there is 0.5 here.
        offset = turn @ (self._corner + 0.5 - self._frame.origin) + frame.origin + shift - 0.5
        return np.concatenate([turn, offset[:, None]], axis=1).astype(np.float32)


def jaw_drop(coefficients: Floats, frame: FaceFrame) -> float:
    """How far the lower lip has gone down, pixels."""
    return (
        float(coefficients[Mode.OPEN] + coefficients[Mode.OPEN_ROUND])
        * modes.LOWER_SHARE
        * modes.FULL_GAP
        * frame.mouth
    )


def head_shift(coefficients: Floats, frame: FaceFrame) -> tuple[float, float]:
    """How far the middle of the mouth has gone with the head (x, y), pixels."""
    across, down, roll = (float(coefficient) * frame.unit for coefficient in coefficients[Mode.HEAD_X :])
    (right_x, right_y), (down_x, down_y) = frame.ex.tolist(), frame.ey.tolist()
    # The mouth is at the upper end of an arm of `NECK`, and turns about its lower end.
    turn = roll * head.NECK
    return across * right_x + down * down_x + turn * down_y, across * right_y + down * down_y - turn * down_x


def visible(coefficients: Floats, frame: FaceFrame, opening: Opening, limit: Box) -> Box:
    """The even box inside `limit` in which a mouth's opening lies in this frame."""
    left, right, top, bottom = opening
    spare = 0.07 * frame.mouth
    bottom += jaw_drop(coefficients, frame) * 1.05
    shift_x, shift_y = head_shift(coefficients, frame)
    x0, y0 = frame.origin.tolist()
    (right_x, right_y), (down_x, down_y) = frame.ex.tolist(), frame.ey.tolist()
    places = [
        (x0 + shift_x + x * right_x + y * down_x, y0 + shift_y + x * right_y + y * down_y)
        for x in (left - spare, right + spare)
        for y in (top - spare, bottom + spare)
    ]
    return even_around(places, limit)


_SPARE_PIXELS = np.array([[-2, -2], [-2, 2], [2, -2], [2, 2]], np.float32)


class _Plate:
    """One plate in planes with its alpha, all bytes, which move faster than floats."""

    def __init__(self, bgra: Floats) -> None:
        data = np.clip(bgra * 255 + 0.5, 0, 255).astype(np.uint8)
        y, uv = yuv.planes(np.ascontiguousarray(data[..., :3]))
        alpha = data[..., 3]
        self._luma = np.dstack([y, alpha])
        self._chroma = np.dstack([uv, half(alpha)])
        rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
        seen = np.array([rows[0], rows[-1], columns[0], columns[-1]]) if len(rows) else np.zeros(4, int)
        self._corners = np.array([[x, y, 1] for x in seen[2:] for y in seen[:2]], np.float32)

    def over(self, y: Floats, uv: Floats, place: Floats, strength: float = 1.0) -> None:
        """Lay the plate over what is there."""
        places = (self._corners @ place.T + _SPARE_PIXELS).tolist()
        box = even_around(places, (0, 0, y.shape[1], y.shape[0]))
        left, top, right, bottom = box
        if right <= left or bottom <= top:
            return
        part = _shifted(place, -np.array([left, top]))
        luma, chroma = view(y, box), view(uv, halved(box))
        _blend(luma, _warped(self._luma, part, luma.shape), strength)
        _blend(chroma, _warped(self._chroma, _halved(part), chroma.shape), strength)


def _blend(back: Floats, front: NDArray[np.uint8], strength: float) -> None:
    """`front` has its alpha as the last channel."""
    share = front[..., -1] * np.float32(strength / 255)
    if back.ndim == 2:
        back += share * (front[..., 0] - back)
    else:
        back += share[..., None] * (front[..., :-1] - back)


def _laid_over(front: Floats, back: Floats) -> Floats:
    """Two plates [h, w, 4] as one."""
    alpha = front[..., 3:] + back[..., 3:] * (1 - front[..., 3:])
    colour = front[..., :3] * front[..., 3:] + back[..., :3] * back[..., 3:] * (1 - front[..., 3:])
    return np.concatenate([colour / np.maximum(alpha, 1e-4), alpha], axis=-1)


def _shifted(place: Floats, shift: Floats) -> Floats:
    moved = place.copy()
    moved[:, 2] += shift
    return moved


def _halved(place: Floats) -> Floats:
    """The same placement in the chroma planes' pixels, whose centres lie a quarter of theirs farther."""
    moved = place.copy()
    moved[:, 2] = (place[:, 2] + place[:, :2].sum(1) * 0.5 - 0.5) / 2
    return moved


def _warped(plate: NDArray[np.uint8], place: Floats, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    size = (shape[1], shape[0])
    moved = cv2.warpAffine(plate, place, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)
