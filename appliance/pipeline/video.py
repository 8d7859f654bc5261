"""A video file becomes frames: 8-bit NV12, BT.709 limited range, upright, square pixels, even sides, constant rate.

Any container and codec that PyAV opens. Settled here: display matrix (quarter turns and mirrors), pixel aspect ratio,
variable frame rate (each output instant k/rate shows the frame on screen then, or the next if that is nearer and less
than half an interval away; the first frame begins at 0), sizes that change on the way, alpha (over the light grey of
`images`), more than 8 bits, other colour matrices and ranges. HDR transfer curves are not tone-mapped and interlaced
fields are not separated.

`InputError`, naming the file, when it has no video, too many streams, frames over `MAX_IMAGE_PIXELS`, more than
`MAX_TEMPLATE_SECONDS`, or is damaged or cut off; the limits hold for what is decoded, whatever the header says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Self

import av
import numpy as np
from av.stream import Disposition
from av.video.reformatter import Colorspace, Interpolation

from appliance import settings
from appliance.errors import InputError
from appliance.pipeline import images, nv12
from appliance.pipeline.nv12 import Nv12, to_planes
from appliance.pipeline.yuv import Plane

MAX_FPS: Final = Fraction(60)
_MIN_FPS: Final = Fraction(1)
_PLAYLISTS: Final = frozenset({"hls", "concat", "dash", "sdp", "rtsp", "tty", "lavfi", "image2", "imf"})
"""What opens other files than the one named, or draws text."""
_BT601: Final = Colorspace.ITU601
_UNSPECIFIED_MATRIX: Final = 2
_EXACT: Final = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
"""Without these FFmpeg's scaler darkens by up to three levels."""
_HD_HEIGHT: Final = 720
"""From here up players take an untagged picture for BT.709, below for BT.601."""
_LOST_END: Final = (0.9, 0.5)
"""A file is cut off when it ends before this share of its announced length and by more than so many seconds."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """A display matrix as array operations: transpose first, then mirror."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    def apply(self, plane: Plane) -> Plane:
        if self.transpose:
            plane = plane.swapaxes(0, 1)
        if self.mirror_x:
            plane = plane[:, ::-1]
        if self.mirror_y:
            plane = plane[::-1]
        return np.ascontiguousarray(plane)


class VideoSource:
    """One opened video file. `width` and `height` are the output's; `scale` is output over upright source pixels.

    A context manager; `frames()` may be used once.
    """

    def __init__(self, path: Path) -> None:
        images.check_readable(path)
        self._path = path
        self._container = self._open()
        try:
            self._stream = self._choose_stream()
            self._check_length(float(self._announced_seconds() or 0))
            first = self._first_frame()
            self._turn = _turn_of(first)
            wide, high = self._shown_size(first)
            self.scale = min(1.0, settings.MAX_FRAME_SIDE / max(wide, high))
            self.width, self.height = (max(2, 2 * round(side * self.scale / 2)) for side in (wide, high))
        except BaseException:
            self._container.close()
            raise
        rate = self._stream.average_rate or self._stream.guessed_rate or Fraction(settings.DEFAULT_FPS)
        self.rate = min(max(Fraction(rate), _MIN_FPS), MAX_FPS).limit_denominator(1001)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._container.close()

    @property
    def expected_frames(self) -> int:
        """How many frames the header promises; at least 1."""
        return max(1, round((self._announced_seconds() or 0) * self.rate))

    def frames(self) -> Iterator[Nv12]:
        """The frames at the constant rate."""
        shown: Nv12 | None = None
        following, shown_since, last_end = 0, 0.0, 0.0
        half = float(1 / self.rate / 2)
        for start, duration, frame in self._timed():
            self._check_length(start)  # before the time up to it is filled
            until = start - min(half, (start - shown_since) / 2)
            while shown is not None and following / self.rate < until:
                yield shown
                following += 1
            shown, shown_since = self._normalised(frame), start
            last_end = start + duration
            self._check_length(last_end)
        if shown is None:
            raise self._damaged("no frame of it can be decoded")
        for _ in range(max(1 - following, round(last_end * self.rate) - following)):
            yield shown
        self._check_whole(last_end)

    def _open(self) -> av.container.InputContainer:
        try:
            # Absolute, so that no name is taken for a protocol; "file" only, so that no content is.
            container = av.open(
                str(self._path.absolute()), metadata_errors="replace", options={"protocol_whitelist": "file"}
            )
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise self._unknown(_reason(error)) from error
        if _PLAYLISTS & set(container.format.name.split(",")):
            container.close()
            raise self._unknown("it is a text or a list of other files")
        return container

    def _choose_stream(self) -> av.VideoStream:
        count = len(self._container.streams)
        if count > settings.MAX_STREAMS:
            raise InputError(
                f"{self._path} has {count} streams, more than {settings.MAX_STREAMS}",
                hint="keep one video stream, e.g. `ffmpeg -i IN -map 0:v:0 -c copy OUT.mp4`",
            )
        streams = [
            stream
            for stream in self._container.streams.video
            if stream.codec_context is not None and Disposition.attached_pic not in stream.disposition
        ]
        if not streams:
            raise InputError(f"{self._path} has no video stream", hint="use a file with a picture in it")
        stream = max(streams, key=lambda one: one.width * one.height)
        if stream.width * stream.height > settings.MAX_IMAGE_PIXELS:
            raise self._too_large(stream.width, stream.height)
        stream.codec_context.options = {"max_pixels": str(settings.MAX_IMAGE_PIXELS)}
        return stream

    def _announced_seconds(self) -> Fraction | None:
        stream = self._stream
        if stream.duration and stream.time_base:
            # An AVI that was cut off has a duration to match, but still says how many frames there were.
            counted = stream.frames / stream.average_rate if stream.average_rate else Fraction(0)
            return max(stream.duration * stream.time_base, counted)
        if self._container.duration and len(self._container.streams) == 1:
            return Fraction(self._container.duration, av.time_base)
        return None

    def _check_length(self, seconds: float) -> None:
        if seconds > settings.MAX_TEMPLATE_SECONDS + 1:
            minutes = settings.MAX_TEMPLATE_SECONDS / 60
            raise InputError(
                f"{self._path} is longer than {minutes:.0f} minutes",
                hint=f"cut it, e.g. `ffmpeg -i IN -t {settings.MAX_TEMPLATE_SECONDS:.0f} -c copy OUT.mp4`",
            )

    def _check_whole(self, seconds: float) -> None:
        announced = float(self._announced_seconds() or 0)
        share, slack = _LOST_END
        if seconds < announced * share and seconds < announced - slack:
            raise self._damaged(f"it ends after {seconds:.1f} of the {announced:.1f} s that it announces")

    def _first_frame(self) -> av.VideoFrame:
        """Decode one frame for its size and turn, and go back to the start."""
        for _start, _duration, frame in self._timed():
            self._container.close()
            self._container = self._open()
            self._stream = self._choose_stream()
            return frame
        raise self._damaged("no frame of it can be decoded")

    def _timed(self) -> Iterator[tuple[float, float, av.VideoFrame]]:
        """Decoded frames in order of time, as (start, duration) in seconds from the first frame's start."""
        usual = float(1 / (self._stream.average_rate or Fraction(25)))
        origin: float | None = None
        previous, duration = -usual, usual
        try:
            for frame in self._container.decode(self._stream):
                if frame.width * frame.height > settings.MAX_IMAGE_PIXELS:
                    raise self._too_large(frame.width, frame.height)
                time = frame.time if frame.pts is not None else None
                if origin is None and time is not None:
                    origin = time - (previous + duration)
                start = previous + duration if time is None or origin is None else time - origin
                if start <= previous and previous >= 0:
                    continue  # a frame out of order shows nothing new
                duration = float(frame.duration * frame.time_base) if frame.duration and frame.time_base else usual
                previous = start
                yield start, duration, frame
        except av.error.EOFError:
            return
        except (av.error.FFmpegError, ValueError, OSError) as error:
            raise self._damaged(_reason(error)) from error

    def _shown_size(self, frame: av.VideoFrame) -> tuple[int, int]:
        """Upright width and height of the source in square pixels."""
        aspect = self._stream.sample_aspect_ratio or Fraction(1)
        if not Fraction(1, 8) < aspect < 8:
            aspect = Fraction(1)
        wide = round(frame.width * aspect) if aspect > 1 else frame.width
        high = round(frame.height / aspect) if aspect < 1 else frame.height
        return (high, wide) if self._turn.transpose else (wide, high)

    def _normalised(self, frame: av.VideoFrame) -> Nv12:
        size = (self.height, self.width) if self._turn.transpose else (self.width, self.height)
        matrix: int | None = None
        if frame.colorspace == _UNSPECIFIED_MATRIX and not frame.format.is_rgb:
            matrix = nv12.MATRIX if frame.height >= _HD_HEIGHT else _BT601
        if any(component.is_alpha for component in frame.format.components):
            frame, matrix = _flattened(frame, matrix), None
        planes = to_planes(
            frame.reformat(
                *size,
                format="nv12",
                src_colorspace=matrix,
                dst_colorspace=nv12.MATRIX,
                dst_color_range=nv12.RANGE,
                interpolation=_EXACT | (Interpolation.AREA if self.scale < 1 else Interpolation.BICUBIC),
            )
        )
        return Nv12(self._turn.apply(planes.y), self._turn.apply(planes.uv))

    def _too_large(self, width: int, height: int) -> InputError:
        limit = settings.MAX_IMAGE_PIXELS // 1_000_000
        return InputError(
            f"{self._path} is too large: {width} x {height} pixels, more than {limit} megapixels",
            hint="scale it down and try again",
        )

    def _unknown(self, reason: str) -> InputError:
        return InputError(
            f"{self._path} is neither a picture nor a video that can be read: {reason}",
            hint="use PNG, JPEG, WebP, MP4, WebM or MOV; if it is one, it is damaged or cut off: copy it again",
        )

    def _damaged(self, reason: str) -> InputError:
        return InputError(
            f"{self._path} is damaged or cut off: {reason}", hint="copy it again, or export it anew from the original"
        )


def _turn_of(frame: av.VideoFrame) -> _Turn:
    """The frame's display matrix: row-major 16.16 [a b u; c d v; x y w], x' = ax + cy, y' = bx + dy."""
    side_data: Any = frame.side_data  # PyAV's stubs describe another type
    try:
        data = side_data["DISPLAYMATRIX"]
    except KeyError:
        return _Turn()
    a, b, _, c, d = np.frombuffer(bytes(data), np.int32)[:5].tolist()
    if abs(a) >= abs(b):
        return _Turn(mirror_x=a < 0, mirror_y=d < 0)
    return _Turn(transpose=True, mirror_x=c < 0, mirror_y=b < 0)


def _flattened(frame: av.VideoFrame, matrix: int | None) -> av.VideoFrame:
    """The frame over the light grey, as opaque RGB."""
    rgba = frame.reformat(format="rgba", src_colorspace=matrix).to_ndarray().astype(np.uint16)
    alpha = rgba[:, :, 3:]
    backdrop = np.array(images.BACKDROP, np.uint16)
    rgb = (rgba[:, :, :3] * alpha + backdrop * (255 - alpha) + 127) // 255
    return av.VideoFrame.from_ndarray(rgb.astype(np.uint8), format="rgb24")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
