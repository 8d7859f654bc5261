"""Speech on a template video: the lower face of every frame is warped to what is said.

The frame's own mouth may be doing anything: its lips are read off the frame's landmarks, closed, and opened as the
performance says. Only the box from the nose to the neck is touched; a frame without a face is passed on as it is. The
head, brows and eyes are the template's own. Teeth and tongue come from the rig of the reference frame.
"""

from __future__ import annotations

import numpy as np

from appliance.pipeline import composite, modes, rig, yuv
from appliance.pipeline.boxes import halved, view, within
from appliance.pipeline.cavity import CavityPainter, visible
from appliance.pipeline.face_frame import Box, FaceFrame, Floats
from appliance.pipeline.framing import Framing
from appliance.pipeline.landmarks import Points
from appliance.pipeline.lips import Mouth
from appliance.pipeline.modes import Mode
from appliance.pipeline.painter import STEEPER
from appliance.pipeline.performance import Performance
from appliance.pipeline.template import TemplateFrames, ping_pong
from appliance.pipeline.warp import Maps, Warp, sample

_NODES_PER_UNIT = 11
_ONE = np.ones(1, np.float32)


class TemplatePainter:
    """Paints frames of one template onto one pair of planes; each render thread has its own.

    `points` [F, K, 2] are in the video's pixels, NaN in frames without a face; `rate` is template frames a video frame.
    """

    def __init__(
        self,
        frames: TemplateFrames,
        points: Floats,
        framing: Framing,
        reference: rig.Rig,
        rate: float,
        y: yuv.Plane,
        uv: yuv.Plane,
        *,
        inference_steps: int,
    ) -> None:
        self._frames, self._points, self._framing, self._rate = frames, points, framing, rate
        self._inference_steps = inference_steps
        self._cavity = CavityPainter(reference)
        self.begin(y, uv)

    def begin(self, y: yuv.Plane, uv: yuv.Plane) -> None:
        """Paint onto these planes from now on."""
        self._y, self._uv = y, uv

    def paint(self, performance: Performance, index: int, frame: int) -> None:
        """Paint row `index` of a performance as the video's frame `frame`."""
        count = len(self._points)
        place = ping_pong(int((frame + 0.5) * self._rate), count)
        source_y, source_uv = self._framing.planes(*self._frames.get(place))
        np.copyto(self._y, source_y)
        np.copyto(self._uv, source_uv)
        points = self._points[place]
        if np.isnan(points).any():
            return
        coefficients = performance.modes[index].copy()
        coefficients[Mode.BROW :] = 0
        self._speak(points, coefficients, float(performance.tongue[index]), source_y, source_uv)

    def _speak(
        self, points: Points, coefficients: Floats, tongue: float, source_y: yuv.Plane, source_uv: yuv.Plane
    ) -> None:
        height, width = self._y.shape
        frame = FaceFrame.of(points)
        mouth = Mouth.of(points, frame)
        step = rig.grid_step(frame, _NODES_PER_UNIT)
        skin_box = rig.on_grid(rig.face_extent(points, frame), step, width, height)
        low_box = rig.on_grid(rig.low_extent(points, frame, mouth), step, skin_box[2], skin_box[3])
        # Where a frame cuts the chin, the grid of the lower layer ends a little above its edge: below the layer nothing
        # could close the mouth again.
        limit = rig.on_grid(rig.mouth_extent(frame, mouth), 2, skin_box[2], low_box[3])
        if min(_size(skin_box)) < 4 * step or min(_size(low_box)) < 4 * step or min(_size(limit)) < 8:
            return
        skin, low = self._warps(points, frame, mouth, coefficients, (skin_box, low_box), step)
        skin.move(_ONE)
        low.move(_ONE)
        whole = within(skin_box, skin_box)
        sample(source_y, skin.luma(whole), view(self._y, skin_box))
        sample(source_uv, skin.chroma(whole), view(self._uv, halved(skin_box)))

        alpha_low, _ = rig.masks(frame, mouth, low_box)
        inner = visible(coefficients, frame, rig.seam_box(mouth), limit)
        if min(_size(inner)) > 0:  # else the lips part beyond the frame's edge
            _, alpha_skin = rig.masks(frame, mouth, limit)
            covered = sample(alpha_skin, _from(limit, skin.luma(within(inner, skin_box))))
            inside = self._cavity.paint(coefficients, tongue, frame, inner, covered)
            composite.put_inside(self._y, self._uv, inner, inside, covered)

        whole = within(low_box, low_box)
        low_y, low_uv = sample(source_y, low.luma(whole)), sample(source_uv, low.chroma(whole))
        lip = (0, 0, whole[2], max(2, inner[3] - low_box[1]))
        alpha = sample(alpha_low, _from(low_box, low.luma(lip)))
        composite.put_lower_lip(self._y, self._uv, low_box, low_y, low_uv, alpha)

    def _warps(
        self,
        points: Points,
        frame: FaceFrame,
        mouth: Mouth,
        coefficients: Floats,
        boxes: tuple[Box, Box],
        step: int,
    ) -> tuple[Warp, Warp]:
        layers = modes.layers(points, frame, mouth)
        summed = modes.Layers(modes.summed(layers.skin, coefficients), modes.summed(layers.low, coefficients))
        skin_box, low_box = boxes
        places = rig.nodes(skin_box, step), rig.nodes(low_box, step)
        skin, low = rig.local_fields(summed, points, frame, mouth, places, low_box)
        skin *= rig.edge_window(skin_box, places[0])[..., None]
        return (
            Warp(skin, skin_box, step, self._inference_steps),
            Warp(low, low_box, step, self._inference_steps * STEEPER),
        )


def _from(box: Box, maps: Maps) -> Maps:
    """Maps into the picture as maps into a part of it."""
    return maps[0] - np.float32(box[0]), maps[1] - np.float32(box[1])


def _size(box: Box) -> tuple[int, int]:
    return box[2] - box[0], box[3] - box[1]
