"""Now and then a small JPEG of the picture that a render is painting, for somebody who watches it.

`Preview(show)` calls `show` with the bytes of a JPEG whose longer side is at most `SIDE` pixels, every `EVERY_S`
seconds of wall time, in whichever thread offers the next picture; never in two at once. Made from the encoder's planes,
scaled before they are turned into colours, it costs a few milliseconds. What `show` raises ends the render.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import cv2
import numpy as np

from appliance.pipeline import yuv

SIDE: Final = 480
EVERY_S: Final = 1.5
_QUALITY: Final = 80


class Preview:
    """Hands out previews to `show`. Thread-safe."""

    def __init__(self, show: Callable[[bytes], None]) -> None:
        self._show = show
        self._lock = threading.Lock()
        self._due = time.monotonic()

    def offer(self, y: yuv.Plane, uv: yuv.Plane) -> None:
        """Show these planes if it is time; they are only read."""
        if time.monotonic() < self._due or not self._lock.acquire(blocking=False):
            return
        try:
            if time.monotonic() >= self._due:
                self._show(jpeg(y, uv))
                self._due = time.monotonic() + EVERY_S
        finally:
            self._lock.release()


def jpeg(y: yuv.Plane, uv: yuv.Plane) -> bytes:
    """A picture of NV12 planes, its longer side at most `SIDE` pixels."""
    scale = min(1.0, SIDE / max(y.shape))
    height, width = (max(2, round(side * scale / 2) * 2) for side in y.shape)
    small_y = cv2.resize(y, (width, height), interpolation=cv2.INTER_AREA)
    small_uv = cv2.resize(uv, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    picture = yuv.picture(np.asarray(small_y, np.uint8), np.asarray(small_uv, np.uint8))
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return encoded.tobytes()
