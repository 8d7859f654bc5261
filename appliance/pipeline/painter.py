"""The hot path of a portrait: one frame of the performance onto NV12 planes.

The background is copied once; a frame touches only the box in which the head can move, and only the part that speech
moves while head, brows and eyes stay as they were. Order: eyes (blink patches into the source), skin with the upper
lip, then the inside of the mouth behind it, then the lower lip with the chin over both.
"""

from __future__ import annotations

import cv2
import numpy as np

from appliance.pipeline import composite, yuv
from appliance.pipeline.boxes import bounds, halved, shifted, view, within
from appliance.pipeline.cavity import CavityPainter, visible
from appliance.pipeline.eyelids import STAGES
from appliance.pipeline.face_frame import NO_MAP, Floats
from appliance.pipeline.modes import REACH, Mode
from appliance.pipeline.performance import Performance
from appliance.pipeline.rig import Rig
from appliance.pipeline.warp import Warp

_UNSEEN = 0.12
"""A displacement below this many pixels is not worth painting,"""
_UNSEEN_FOR_A_FRAME = 1.0
"""nor one below this by a whole mode, of which a frame brings a part, if the next frame will paint it."""


class PortraitPainter:
    """Paints frames of one rig onto one pair of planes; each render thread has its own.

    `y` [H, W] and `uv` [H/2, W/2, 2] are the encoder's planes, of the size of the rig's picture.
    """

    def __init__(self, rig: Rig, y: yuv.Plane, uv: yuv.Plane, *, inference_steps: int) -> None:
        self._rig = rig
        self._y, self._uv = y, uv
        np.copyto(y, rig.y)
        np.copyto(uv, rig.uv)
        self._source_y, self._source_uv = rig.y.copy(), rig.uv.copy()
        self._blink_stage = 0
        self._skin = Warp(rig.skin_basis, rig.skin_box, rig.step, inference_steps)
        still_head = np.where(np.arange(len(Mode)) < Mode.BROW, REACH, 0)
        self._moved_by_speech = self._skin.spans(still_head, _UNSEEN_FOR_A_FRAME)
        self._moved_at_all = self._skin.spans(REACH, _UNSEEN)
        self._low = Warp(rig.low_basis, rig.low_box, rig.step, inference_steps)
        # At the size of the picture, so that the warp's maps serve them too.
        self._alpha_skin = np.full(rig.y.shape, 255, np.uint8)
        view(self._alpha_skin, rig.mouth_box)[:] = rig.alpha_skin
        self._alpha_low = np.zeros(rig.y.shape, np.uint8)
        view(self._alpha_low, rig.low_box)[:] = rig.alpha_low
        self._alpha_low[rig.low_box[3] :] = 255
        self._cavity = CavityPainter(rig)
        self._head_painted: Floats | None = None

    def paint(self, performance: Performance, index: int, frame: int = 0) -> None:  # noqa: ARG002
        """Paint row `index` of a performance; a still picture is the same in every `frame` of the video."""
        coefficients = performance.modes[index]
        self._blink(float(performance.blink[index]))
        head = coefficients[Mode.BROW :]
        still = self._head_painted is not None and np.array_equal(head, self._head_painted)
        self._head_painted = head
        self._skin.move(coefficients)
        around = self._skin.box
        spans = self._moved_by_speech if still else self._moved_at_all
        hull = bounds(spans)
        skin_map, skin_map_half = self._skin.maps(hull)
        for span in spans:
            place, target = within(span, hull), shifted(span, around[0], around[1])
            sample(self._source_y, view(skin_map, place), view(self._y, target))
            sample(self._source_uv, view(skin_map_half, halved(place)), view(self._uv, halved(target)))

        mouth = visible(coefficients, self._rig.frame, self._rig.opening, self._rig.mouth_box)
        alpha_skin = sample(self._alpha_skin, self._skin.maps(within(mouth, around))[0])
        tongue = float(performance.tongue[index])
        inside = self._cavity.paint(coefficients, tongue, self._rig.frame, mouth, alpha_skin)
        composite.put_inside(self._y, self._uv, mouth, inside, alpha_skin)

        self._low.move(coefficients)
        low_map, low_map_half = self._low.maps(within(self._low.box, self._low.box))
        lip_rows = mouth[3] - self._low.box[1]
        composite.put_lower_lip(
            self._y,
            self._uv,
            self._low.box,
            sample(self._source_y, low_map),
            sample(self._source_uv, low_map_half),
            sample(self._alpha_low, low_map[:lip_rows]),
        )

    def _blink(self, amount: float) -> None:
        stage = round(amount * (STAGES - 1))
        if stage == self._blink_stage:
            return
        self._blink_stage = stage
        self._head_painted = None
        for eye in self._rig.eyes:
            view(self._source_y, eye.box)[:] = eye.y[stage]
            view(self._source_uv, halved(eye.box))[:] = eye.uv[stage]


def sample(source: yuv.Plane, places: Floats, out: yuv.Plane | None = None) -> yuv.Plane:
    """The source at the places of a map, into `out` if it is given."""
    if out is None:
        out = np.empty(places.shape[:2] + source.shape[2:], np.uint8)
    cv2.remap(source, places, NO_MAP, cv2.INTER_LINEAR, dst=out, borderMode=cv2.BORDER_REPLICATE)
    return out
