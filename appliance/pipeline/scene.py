"""An avatar made ready for one video: its size, its rate, and painters for it."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np

from appliance import settings
from appliance.pipeline import yuv
from appliance.pipeline.encoder import exact_rate
from appliance.pipeline.face_frame import Box, Floats
from appliance.pipeline.framing import Framing
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.painter import PortraitPainter
from appliance.pipeline.performance import Performance
from appliance.pipeline.rig import Rig, build_rig
from appliance.pipeline.template_painter import TemplatePainter


class Painter(Protocol):
    """Paints onto a pair of planes."""

    def begin(self, y: yuv.Plane, uv: yuv.Plane) -> None:
        """Paint onto these planes from now on."""

    def paint(self, performance: Performance, index: int, frame: int) -> None:
        """Paint row `index` of a performance as frame `frame` of the video."""


class Scene:
    """`width`, `height` in pixels (even), `rate` in frames a second."""

    def __init__(self, pack: AvatarPack, options: Options) -> None:
        manifest = pack.manifest
        self._pack, self._options = pack, options
        self._is_template = manifest.kind == "template"
        own_rate = manifest.fps if self._is_template else settings.DEFAULT_FPS
        self.rate: Fraction = exact_rate(options.fps if options.fps is not None else own_rate)
        points = pack.points()
        self._framing = Framing.of(manifest.width, manifest.height, points, options)
        self.width, self.height = self._framing.width, self._framing.height
        self._points: Floats = self._framing.points(points)
        if self._is_template or self._framing.is_whole:
            arrays = pack.rig()
        else:
            arrays = build_rig(self._framing.picture(pack.picture()), self._points[0])
        self._rig = Rig.from_arrays(arrays)

    def face_box(self, frame: int) -> Box:
        """The face with its chin and hairline in one frame of the avatar, pixels of the video."""
        points = self._points[frame]
        low, high = points.min(0), points.max(0)
        margin = 0.12 * (high - low).max()
        left, top = np.maximum(low - margin, 0).astype(int)
        right, bottom = np.minimum(high + margin, [self.width, self.height]).astype(int)
        return int(left), int(top), int(right), int(bottom)

    def painter(self, y: yuv.Plane, uv: yuv.Plane) -> Painter:
        """A painter for one thread, onto planes of this scene's size."""
        steps = self._options.inference_steps
        if not self._is_template:
            return PortraitPainter(self._rig, y, uv, inference_steps=steps)
        rate = self._pack.manifest.fps / float(self.rate)
        frames = self._pack.frames()
        return TemplatePainter(frames, self._points, self._framing, self._rig, rate, y, uv, inference_steps=steps)
