"""The stored frames of a template video: written once at enrolment, read by index for ever after.

On disk `frames.mp4`: H.264 near lossless (CRF 14), closed groups of `GROUP` frames, no B-frames, no deblocking, so
that any frame is at most one short group away and playing backward costs what playing forward does. Frame i has the
presentation time i / rate.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import av
import cv2
import numpy as np

from appliance.errors import UnhealthyError
from appliance.pipeline.nv12 import MATRIX, RANGE, Nv12, to_frame

GROUP: Final = 12
_ENCODER: Final = {
    "preset": "superfast",
    "tune": "fastdecode",
    "crf": "14",
    "x264-params": f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0:bframes=0:open-gop=0",
}


def ping_pong(i: int, count: int) -> int:
    """The template's frame for output frame `i`: forward and back for ever, the turning frames shown once."""
    if count == 1:
        return 0
    place = i % (2 * count - 2)
    return min(place, 2 * count - 2 - place)


class FrameWriter:
    """Writes `frames.mp4`; a context manager that finishes the file on a clean exit."""

    def __init__(self, path: Path, width: int, height: int, rate: Fraction) -> None:
        self.count = 0
        self._container = av.open(str(path), "w", format="mp4")
        self._stream = self._container.add_stream("libx264", rate=rate, options=dict(_ENCODER))
        self._stream.width, self._stream.height, self._stream.pix_fmt = width, height, "yuv420p"
        context = self._stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = MATRIX
        context.color_range = RANGE
        context.time_base = 1 / rate

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def write(self, picture: Nv12) -> None:
        frame = to_frame(picture).reformat(format="yuv420p")
        frame.pts, frame.time_base = self.count, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(frame))
        self.count += 1


class TemplateFrames:
    """Random access to the frames, cheap in both directions. Not thread-safe: each thread opens its own."""

    def __init__(self, path: Path, count: int) -> None:
        self._path, self._count = path, count
        try:
            self._container = av.open(str(path))
            self._stream = self._container.streams.video[0]
        except (av.error.FFmpegError, IndexError) as error:
            raise self._damaged() from error
        self._stream.codec_context.thread_count = 1
        if not self._stream.average_rate or not self._stream.time_base:
            raise self._damaged()
        self._ticks = 1 / (self._stream.average_rate * self._stream.time_base)
        self._decoder: Iterator[av.VideoFrame] = iter(())
        self._next = -1
        self._group: list[av.VideoFrame] = []
        self._first = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    def get(self, index: int) -> Nv12:
        """Frame `index`: luma [H, W] and chroma [H/2, W/2, 2], copies that the caller may change."""
        if not 0 <= index < self._count:
            raise IndexError(index)
        if not self._first <= index < self._first + len(self._group):
            self._load(index - index % GROUP)
        y, u, v = (
            np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: plane.height, : plane.width]
            for plane in self._group[index - self._first].planes
        )
        return Nv12(y.copy(), np.asarray(cv2.merge([u, v]), dtype=np.uint8))

    def _load(self, first: int) -> None:
        """Decode the group that starts at frame `first`; going on from the group before needs no seek."""
        size = min(GROUP, self._count - first)
        try:
            if first != self._next:
                self._container.seek(round(first * self._ticks), stream=self._stream)
                self._decoder = self._container.decode(self._stream)
            self._group = []
            for frame in self._decoder:
                self._group.append(frame)
                if len(self._group) == size:
                    break
        except av.error.FFmpegError as error:
            raise self._damaged() from error
        if len(self._group) != size or round((self._group[0].pts or 0) / self._ticks) != first:
            raise self._damaged()
        self._first, self._next = first, first + size

    def _damaged(self) -> UnhealthyError:
        return UnhealthyError(f"the stored template {self._path} is damaged", hint="enrol the avatar again")
