"""The hot path of a portrait: one frame of the performance onto NV12 planes.

The background is copied once; a frame touches only the box in which the head can move, and only the part that speech
moves while head, brows and eyes stay as they were. Order: eyes (blink patches into the source), skin with the upper
lip, then the inside of the mouth behind it, then the lower lip with the chin over both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from appliance.pipeline import composite, yuv
from appliance.pipeline.boxes import bounds, halved, shifted, view, within, without
from appliance.pipeline.cavity import CavityPainter, visible
from appliance.pipeline.eyelids import STAGES
from appliance.pipeline.face_frame import Box, Floats
from appliance.pipeline.modes import REACH, Mode
from appliance.pipeline.performance import Performance
from appliance.pipeline.rig import Rig
from appliance.pipeline.warp import Maps, Warp, sample

# Shares of the face's unit, which is about a sixth of the picture's height in a portrait.
_UNSEEN = 0.0008
"""A displacement below this is not worth painting,"""
_UNSEEN_FOR_A_FRAME = 0.013
"""nor one below this by a whole mode, of which a frame brings a part, if a frame soon after will paint it;"""
_UNSEEN_TINT_FOR_A_FRAME = 0.018
"""of a colour even more goes unseen."""
_PARTLY_AT_MOST = 3
"""So many frames in a row are painted without what goes unseen for a frame."""

STEEPER = 2
"""The lower lip moves most steeply, and its warp takes this many times the iterations."""


class PortraitPainter:
    """Paints frames of one rig onto a pair of planes; each render thread has its own.

    `y` [H, W] and `uv` [H/2, W/2, 2] are the encoder's planes, of the size of the rig's picture.
    """

    def __init__(self, rig: Rig, y: yuv.Plane, uv: yuv.Plane, *, inference_steps: int) -> None:
        self._rig = rig
        self._source_y, self._source_uv = rig.y.copy(), rig.uv.copy()
        self._blink_stage = 0
        self._skin = Warp(rig.skin_basis, rig.skin_box, rig.step, inference_steps)
        by_speech = np.where(np.arange(len(Mode)) < Mode.BROW, REACH, 0)
        unit = rig.frame.unit
        self._moved_by_speech = self._skin.spans(by_speech, _UNSEEN_FOR_A_FRAME * unit)
        self._tinted_by_speech = self._skin.spans(by_speech, _UNSEEN_TINT_FOR_A_FRAME * unit)
        self._moved_at_all = self._skin.spans(REACH, _UNSEEN * unit)
        self._low = Warp(rig.low_basis, rig.low_box, rig.step, inference_steps * STEEPER)
        # At the size of the picture, so that the warp's maps serve them too.
        self._alpha_skin = np.full(rig.y.shape, 255, np.uint8)
        view(self._alpha_skin, rig.mouth_box)[:] = rig.alpha_skin
        self._alpha_low = np.zeros(rig.y.shape, np.uint8)
        view(self._alpha_low, rig.low_box)[:] = rig.alpha_low
        self._alpha_low[rig.low_box[3] :] = 255
        self._cavity = CavityPainter(rig)
        self.begin(y, uv)

    def begin(self, y: yuv.Plane, uv: yuv.Plane) -> None:
        """Paint onto these planes from now on."""
        self._y, self._uv = y, uv
        np.copyto(y, self._rig.y)
        np.copyto(uv, self._rig.uv)
        self._painted: Floats | None = None
        self._partly = 0

    def paint(self, performance: Performance, index: int, frame: int = 0) -> None:  # noqa: ARG002
        """Paint row `index` of a performance; a still picture is the same in every `frame` of the video."""
        coefficients, tongue = performance.modes[index], float(performance.tongue[index])
        pose = np.append(coefficients, tongue)
        self._blink(float(performance.blink[index]))
        before, self._painted = self._painted, pose
        if before is not None and np.array_equal(pose, before):
            return
        head = slice(Mode.BROW, len(Mode))
        moved = before is None or not np.array_equal(pose[head], before[head])
        self._partly = 0 if moved or self._partly == _PARTLY_AT_MOST else self._partly + 1
        self._skin.move(coefficients)
        self._low.move(coefficients)
        rig = self._rig
        mouth = visible(coefficients, rig.frame, rig.opening, rig.mouth_box)
        # Below the lips the lower layer covers its box.
        covered = within((rig.low_box[0], mouth[3], rig.low_box[2], rig.low_box[3]), self._skin.box)
        self._paint_skin(covered, whole=self._partly == 0)
        self._paint_mouth(coefficients, tongue, mouth)

    def _paint_skin(self, covered: Box, *, whole: bool) -> None:
        spans = self._moved_at_all if whole else self._moved_by_speech
        tints = self._moved_at_all if whole else self._tinted_by_speech
        spans = [part for span in spans for part in without(span, covered)]
        tints = [part for span in tints for part in without(span, covered)]
        self._paint_spans(self._source_y, self._y, spans, self._skin.luma(bounds(spans)), lambda box: box)
        self._paint_spans(self._source_uv, self._uv, tints, self._skin.chroma(bounds(tints)), halved)

    def _paint_spans(
        self, source: yuv.Plane, target: yuv.Plane, spans: list[Box], maps: Maps, sized: Callable[[Box], Box]
    ) -> None:
        hull, corner = bounds(spans), self._skin.box[:2]
        for span in spans:
            place = sized(within(span, hull))
            sample(source, (view(maps[0], place), view(maps[1], place)), view(target, sized(shifted(span, *corner))))

    def _paint_mouth(self, coefficients: Floats, tongue: float, mouth: Box) -> None:
        rig, low = self._rig, self._low
        alpha_skin = sample(self._alpha_skin, self._skin.luma(within(mouth, self._skin.box)))
        inside = self._cavity.paint(coefficients, tongue, rig.frame, mouth, alpha_skin)
        composite.put_inside(self._y, self._uv, mouth, inside, alpha_skin)

        whole = within(low.box, low.box)
        maps = low.luma(whole)
        low_y = sample(self._source_y, maps)
        lip = (0, 0, whole[2], mouth[3] - low.box[1])
        alpha_low = sample(self._alpha_low, (view(maps[0], lip), view(maps[1], lip)))
        low_uv = sample(self._source_uv, low.chroma(whole))
        composite.put_lower_lip(self._y, self._uv, low.box, low_y, low_uv, alpha_low)

    def _blink(self, amount: float) -> None:
        stage = round(amount * (STAGES - 1))
        if stage == self._blink_stage:
            return
        self._blink_stage = stage
        self._painted = None
        for eye in self._rig.eyes:
            view(self._source_y, eye.box)[:] = eye.y[stage]
            view(self._source_uv, halved(eye.box))[:] = eye.uv[stage]
