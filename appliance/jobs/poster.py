"""The still picture that stands for a finished video."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SIDE: Final = 640
"""The longer side at most, in pixels."""
_AT_S: Final = 1.0
_QUALITY: Final = 85


def jpeg(video: Path) -> bytes:
    """The frame one second into the video, or in the middle of a shorter one."""
    import av
    import cv2

    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        seconds = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        for frame in container.decode(stream):
            if frame.time is not None and frame.time >= min(_AT_S, seconds / 2):
                break
        scale = min(1.0, SIDE / max(frame.width, frame.height))
        width, height = (max(2, round(side * scale)) for side in (frame.width, frame.height))
        picture = frame.reformat(width, height, "bgr24", interpolation="AREA").to_ndarray()
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()
