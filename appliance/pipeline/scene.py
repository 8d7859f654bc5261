"""An avatar made ready for one video: its size, its rate, and painters for it."""

from __future__ import annotations

import io
import time
from dataclasses import asdict
from fractions import Fraction
from typing import Final, Protocol

import numpy as np
import zstandard

from appliance import settings
from appliance.pipeline import yuv
from appliance.pipeline.cached import JobCache, key
from appliance.pipeline.encoder import exact_rate
from appliance.pipeline.face_frame import Box, Floats
from appliance.pipeline.framing import Framing
from appliance.pipeline.options import Options
from appliance.pipeline.pack import Arrays, AvatarPack
from appliance.pipeline.painter import PortraitPainter
from appliance.pipeline.performance import Performance
from appliance.pipeline.rig import Rig, build_rig
from appliance.pipeline.template_painter import TemplatePainter

_LEVEL: Final = 1
"""Of zstd: halves a rig in less time than reading the other half from flash would take."""


class Painter(Protocol):
    """Paints onto a pair of planes."""

    def begin(self, y: yuv.Plane, uv: yuv.Plane) -> None:
        """Paint onto these planes from now on."""

    def paint(self, performance: Performance, index: int, frame: int) -> None:
        """Paint row `index` of a performance as frame `frame` of the video."""


class Scene:
    """`width`, `height` in pixels (even), `rate` in frames a second."""

    def __init__(self, pack: AvatarPack, options: Options, cache: JobCache | None = None) -> None:
        manifest = pack.manifest
        self._pack, self._options = pack, options
        self._is_template = manifest.kind == "template"
        own_rate = manifest.fps if self._is_template else settings.DEFAULT_FPS
        self.rate: Fraction = exact_rate(options.fps if options.fps is not None else own_rate)
        points = pack.points()
        self._framing = Framing.of(manifest.width, manifest.height, points, options)
        self.width, self.height = self._framing.width, self._framing.height
        self._points: Floats = self._framing.points(points)
        is_ready = self._is_template or self._framing.is_whole
        self._rig = Rig.from_arrays(pack.rig() if is_ready else self._framed_rig(cache or JobCache()))

    def _framed_rig(self, cache: JobCache) -> Arrays:
        """The rig of a portrait that is cut or enlarged, from the cache if it was made before."""
        if not cache.on:
            return build_rig(self._framing.picture(self._pack.picture()), self._points[0])
        named = key("frame", pack=self._pack.digest, framing=asdict(self._framing))
        if (found := cache.get("frame", named)) is not None:
            with np.load(io.BytesIO(zstandard.ZstdDecompressor().decompress(found)), allow_pickle=False) as stored:
                return dict(stored)
        started = time.thread_time()
        arrays = build_rig(self._framing.picture(self._pack.picture()), self._points[0])
        spent = time.thread_time() - started
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **arrays)
        cache.put("frame", named, zstandard.ZstdCompressor(_LEVEL).compress(file.getvalue()), spent)
        return arrays

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
