"""How far the mouth of a finished video is open, from its decoded pixels alone.

Lips and skin have the colours that the portrait with its mouth shut has there; teeth, tongue and the dark behind them
have others: less red, or more blue. In the middle third of the mouth a column is open from its first pixel of such a
colour to its last. `openings` is the mean of that over the columns, as a share of the width of the mouth at rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.framing import Framing
from appliance.pipeline.landmarks import group
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.track import Curve, MotionTrack

SHUT: Final = 0.03
"""Less than this is shut: 4 pixels of a mouth of 130, where colour is coded for every second pixel."""

_COLOUR_NOISE: Final = 2
"""Steps that lossy coding may move a colour by."""

Picture = NDArray[np.uint8]


def openings(video: Path, pack: AvatarPack, options: Options) -> Curve:
    """The opening [N] of every frame of a video that was made of a still avatar, mouth shut, with these options."""
    points = pack.points()
    framing = Framing.of(pack.manifest.width, pack.manifest.height, points, options)
    face = framing.points(points[0])
    upper, lower = group(face, "lips_upper_outer"), group(face, "lips_lower_outer")
    left, right = float(lower[0, 0]), float(lower[-1, 0])
    third = (right - left) / 3
    # Below the nose, and far enough down for a lower lip that drops; the head may move a little.
    top = int((upper[:, 1].min() + group(face, "nose_base")[:, 1].max()) / 2)
    mouth = slice(top, int(lower[:, 1].max() + third)), slice(int(left + third), int(right - third))
    red, blue = _chroma(framing.picture(pack.picture())[mouth])
    least_red, most_blue = int(red.min()) - _COLOUR_NOISE, int(blue.max()) + _COLOUR_NOISE
    heights = []
    with av.open(str(video)) as opened:
        for frame in opened.decode(video=0):
            red, blue = _chroma(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)[mouth])
            heights.append(_gap((red < least_red) | (blue > most_blue)) / (right - left))
    return np.array(heights, np.float32)


def seen(opening: Curve, fps: float) -> MotionTrack:
    """What the pixels tell of the motion: the opening, and where the lips are shut."""
    rest = MotionTrack.at_rest(fps, len(opening))
    shut = (opening < SHUT).astype(np.float32)
    return MotionTrack(fps, opening, shut, rest.width, rest.rounding, rest.vad, rest.viseme)


def _chroma(picture: Picture) -> tuple[Picture, Picture]:
    """Cr and Cb of a BGR picture."""
    _, red, blue = cv2.split(cv2.cvtColor(picture, cv2.COLOR_BGR2YCrCb))
    return np.asarray(red, np.uint8), np.asarray(blue, np.uint8)


def _gap(inside: NDArray[np.bool_]) -> float:
    """Mean over the columns of the distance from the first pixel inside the mouth to the last."""
    first, last = inside.argmax(0), len(inside) - inside[::-1].argmax(0)
    return float(np.where(inside.any(0), last - first, 0).mean())
