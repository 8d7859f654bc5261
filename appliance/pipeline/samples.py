"""Frames of sound as arrays and back: planar float samples, [channels, n] float32 in [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import av

Samples = NDArray[np.float32]

LAYOUTS: Final = {1: "mono", 2: "stereo"}
"""The channel layouts of the output's sound, by their number of channels."""


def from_frame(frame: av.AudioFrame) -> Samples:
    """The samples of a planar float frame."""
    return cast("Samples", frame.to_ndarray())


def to_frame(samples: Samples, rate: int) -> av.AudioFrame:
    """A planar float frame of one or two channels."""
    import av

    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", LAYOUTS[len(samples)])
    frame.sample_rate = rate
    return frame


def clean(samples: Samples) -> Samples:
    """The samples with what is no number, and what is beyond full scale, put right. A file of floats may hold
    anything, and neither the network nor the encoder survives it."""
    if np.abs(samples).max(initial=0) <= 1:
        return samples
    return np.nan_to_num(samples, nan=0, posinf=1, neginf=-1).clip(-1, 1)


def first_channel(frames: list[av.AudioFrame]) -> Samples:
    """The first channel [n] of consecutive frames."""
    parts = [from_frame(frame)[0] for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def silence(like: av.AudioFrame, length: int) -> Iterator[av.AudioFrame]:
    """`length` samples of silence as frames of the same format as another, at most a second each."""
    import av

    quiet = b"\x80" if like.format.name.startswith("u8") else b"\0"
    while length > 0:
        frame = av.AudioFrame(like.format.name, like.layout.name, min(length, like.sample_rate))
        frame.sample_rate = like.sample_rate
        for plane in frame.planes:
            plane.update(quiet * plane.buffer_size)
        length -= frame.samples
        yield frame
