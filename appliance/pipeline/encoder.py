"""Pictures to H.264: each fragment is one closed run of pictures that starts with an IDR.

The caller paints into the planes of one NV12 picture, which are BT.709, limited range: `y` [H, W] uint8 and `uv`
[H/2, W/2, 2] uint8 (Cb, Cr), both views into the encoder's own frame, so a picture that changes only at the mouth is
only written there. The result is H.264 High, 4:2:0, tagged BT.709.

libx264's settings are the outcome of a measurement (1024x1024, a moving head, equal quality, one thread): of the
things that `ultrafast` turns off, the 8x8 transform, the deblocking filter, the small intra partitions and the search
in hexagons cost next to nothing, and arithmetic coding saves a tenth of the bytes for 0.5 ms a picture; sub-pixel
motion search would save another fifth for a whole millisecond, and adaptive quantisation takes bits away from the
mouth. No B-frames and no look-ahead: a picture is encoded before `write` returns, and every fragment carries the same
parameter sets.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError
from appliance.pipeline import fragments

if TYPE_CHECKING:
    import av
    from av.packet import Packet
    from av.video.plane import VideoPlane
    from av.video.stream import VideoStream

Plane = NDArray[np.uint8]

KEY_FRAME_SECONDS: Final = 5
"""The longest way a player has to go back when it seeks within a fragment."""

_BT709: Final = 1
_LIMITED_RANGE: Final = 1

# Of the hardware encoders only the refusal was seen at work; their options are those that FFmpeg documents.
_OPTIONS: Final[dict[str, dict[str, str]]] = {
    "libx264": {
        "preset": "ultrafast",
        "profile": "high",
        "x264-params": "8x8dct=1:cabac=1:me=hex:deblock=0,0:partitions=i8x8,i4x4:bframes=0:rc-lookahead=0:scenecut=0",
    },
    "h264_nvenc": {"preset": "p4", "profile": "high", "rc": "constqp", "bf": "0", "delay": "0", "forced-idr": "1"},
    "h264_qsv": {"preset": "veryfast", "profile": "high", "bf": "0", "async_depth": "1"},
    "h264_rkmpp": {"profile": "high", "rc_mode": "CQP"},
    "h264_v4l2m2m": {},
}
_QUALITY_OPTION: Final = {"libx264": "crf", "h264_nvenc": "qp", "h264_qsv": "global_quality", "h264_rkmpp": "qp_init"}
_RATE_TOLERANCE: Final = 0.0003
"""Tells 23.98 from 24, and takes both 23.976 and 23.98 for 24000/1001."""
_BITS_PER_PIXEL: Final = 0.1
"""For encoders that know no constant quality."""

CODECS: Final = tuple(_OPTIONS)
"""The encoders that this module has settings for, the one that works everywhere first."""


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """What the pictures are and how they are encoded. `width` and `height` are even; a lower `quality` is a better
    picture, on x264's CRF scale. `plan` tells the fragments of one job from those of another."""

    width: int
    height: int
    rate: Fraction
    codec: str = "libx264"
    quality: int = 20
    plan: str = ""

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2:
            raise ValueError(f"4:2:0 pictures have even sides, not {self.width}x{self.height}")

    @property
    def header(self) -> fragments.Header:
        """How fragments say that they were made with these settings."""
        return {
            "codec": self.codec,
            "width": self.width,
            "height": self.height,
            "rate": str(self.rate),
            "quality": self.quality,
            "options": str(_OPTIONS[self.codec]),
            "plan": self.plan,
        }


class NoEncoderError(UnhealthyError):
    """The encoder does not open."""


def exact_rate(fps: float | Fraction) -> Fraction:
    """The frame rate that a rounded number stands for: 29.97 is 30000/1001, 25.0 is 25."""
    for base in (1000, 1001):
        whole = round(float(fps) * base / 1000)
        if abs(float(fps) * base / 1000 - whole) < whole * _RATE_TOLERANCE:
            return Fraction(whole * 1000, base)
    return Fraction(fps).limit_denominator(1001)


def _open(settings: EncoderSettings) -> av.VideoCodecContext:
    import av
    from av.codec.context import Flags

    context = av.CodecContext.create(settings.codec, "w")
    if not isinstance(context, av.VideoCodecContext):
        raise TypeError(f"{settings.codec} does not encode pictures")
    context.width = settings.width
    context.height = settings.height
    context.pix_fmt = "nv12"
    context.framerate = settings.rate
    context.time_base = 1 / settings.rate
    context.gop_size = round(KEY_FRAME_SECONDS * settings.rate)
    context.max_b_frames = 0
    context.thread_count = 1
    context.flags |= Flags.global_header | Flags.closed_gop
    context.color_primaries = context.color_trc = context.colorspace = _BT709
    context.color_range = _LIMITED_RANGE
    context.options = dict(_OPTIONS[settings.codec])
    if quality := _QUALITY_OPTION.get(settings.codec):
        context.options |= {quality: str(settings.quality)}
    else:
        context.bit_rate = round(_BITS_PER_PIXEL * settings.width * settings.height * settings.rate)
    context.open()
    return context


def _view(plane: VideoPlane) -> Plane:
    return np.frombuffer(cast("memoryview[int]", plane), np.uint8)  # a buffer, though its stub does not say so


class FragmentEncoder(fragments.Durable):
    """Encodes one fragment. As a context manager it closes on success and aborts on any exception."""

    y: Plane
    uv: Plane

    def __init__(self, path: Path, settings: EncoderSettings) -> None:
        import av

        try:
            self._context = _open(settings)
        except (av.FFmpegError, ValueError) as error:
            raise NoEncoderError(
                f"the encoder {settings.codec} does not open: {error}", hint="choose libx264, which works everywhere"
            ) from error
        parameter_sets = self._context.extradata or b""
        self._file = fragments.FragmentWriter(path, settings.header | {"parameter_sets": parameter_sets.hex()})
        self._frame = av.VideoFrame(settings.width, settings.height, "nv12")
        self._frame.time_base = 1 / settings.rate
        self._written = 0
        height, width = settings.height, settings.width
        luma, chroma = self._frame.planes
        # Lines are padded, so the planes are wider than the picture.
        self.y = _view(luma).reshape(height, luma.line_size)[:, :width]
        self.uv = _view(chroma).reshape(height // 2, chroma.line_size // 2, 2)[:, : width // 2]

    def write(self) -> None:
        """Encode what the planes hold now as the next picture; they keep it."""
        self._frame.pts = self._written
        self._written += 1
        self._store(self._context.encode(self._frame))

    def _store(self, packets: list[Packet[VideoStream]]) -> None:
        for packet in packets:
            self._file.write(bytes(packet), key_frame=packet.is_keyframe)

    def close(self) -> None:
        """Finish the fragment durably; only now does its path exist."""
        self._store(self._context.encode(None))
        self._file.close()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._file.abort()


def is_done(path: Path, settings: EncoderSettings, frames: int) -> bool:
    """Whether `path` already is a whole fragment of `frames` pictures made with these settings."""
    found = fragments.check(path)
    return found is not None and found.frames == frames and settings.header.items() <= found.header.items()


def encoder_works(codec: str) -> str | None:
    """Why `codec` cannot be used on this machine, or None after it really encoded two pictures."""
    import av
    import av.logging

    if codec not in _OPTIONS:
        return f"unknown encoder; known are {', '.join(CODECS)}"
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as log:
            context = _open(EncoderSettings(320, 192, Fraction(25), codec))
            frame = av.VideoFrame(320, 192, "nv12")
            packets = []
            for index in range(2):
                for plane in frame.planes:
                    plane.update(bytes([16 + 100 * index]) * plane.buffer_size)
                frame.pts = index
                packets += context.encode(frame)
            packets += context.encode(None)
    except av.codec.codec.UnknownCodecError:
        return "this build of FFmpeg does not have it"
    except (av.FFmpegError, ValueError) as error:
        said = "; ".join(message.strip() for _, _, message in log)
        return said or str(error)
    finally:
        av.logging.set_level(level)
    return None if len(packets) == 2 else f"it made {len(packets)} packets of two pictures"
