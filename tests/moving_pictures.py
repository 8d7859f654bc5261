"""Template videos for tests, made from one portrait."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Affine = NDArray[np.float64]


def swaying(portrait: Picture, count: int, size: tuple[int, int] = (320, 240)) -> tuple[list[Picture], list[Affine]]:
    """`count` frames of a portrait that moves and breathes, and the affine map from portrait to frame of each.

    The maps are for coordinates with pixel centres at .5.
    """
    pictures, maps = [], []
    for i in range(count):
        angle, zoom = 3 * math.sin(i / 9), 1.0 + 0.05 * math.sin(i / 11)
        move = cv2.getRotationMatrix2D((226, 124), angle, zoom).astype(np.float64)
        move[:, 2] += (size[0] / 2 - 226 + 12 * math.sin(i / 7), size[1] / 2 - 124 + 5 * math.sin(i / 5))
        warped = cv2.warpAffine(portrait, move, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        pictures.append(np.asarray(warped, dtype=np.uint8))
        centred = move.copy()
        centred[:, 2] += 0.5 - move[:, :2] @ (0.5, 0.5)
        maps.append(centred)
    return pictures, maps


def numbered(count: int, size: tuple[int, int] = (64, 48)) -> list[Picture]:
    """Frames that carry their number as eight black or white bars; `number_of` reads it back."""
    pictures = []
    for i in range(count):
        bars = [255 if i >> bit & 1 else 0 for bit in range(8)]
        row = np.repeat(np.array(bars, np.uint8), size[0] // 8)
        pictures.append(np.ascontiguousarray(np.broadcast_to(row[None, :, None], (size[1], size[0], 3))))
    return pictures


def number_of(luma: NDArray[np.uint8]) -> int:
    width = luma.shape[1] // 8
    return sum(1 << bit for bit in range(8) if luma[:, bit * width : (bit + 1) * width].mean() > 128)


def write_video(
    path: Path,
    pictures: Sequence[Picture],
    *,
    rate: int | Fraction = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Iterable[int] | None = None,
    turn: int = 0,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    sound: bool = False,
) -> Path:
    """Encode BGR or BGRA pictures. `times` are presentation times in milliseconds; `turn` is the display rotation."""
    height, width, channels = pictures[0].shape
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        if times is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if turn:
            stream.set_display_rotation(turn)
        if sound:
            _add_second_of_sound(container)
        for picture, time in zip(pictures, times or range(len(pictures)), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24" if channels == 3 else "bgra")
            frame.pts = time
            frame.time_base = Fraction(1, 1000) if times is not None else 1 / Fraction(rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _add_second_of_sound(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("aac", rate=16000)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), format="fltp", layout="mono")
    frame.sample_rate = 16000
    container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
