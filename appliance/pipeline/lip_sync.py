"""Whether mouth and sound are together: the lag of a motion track behind the loudness of its sound.

Both are taken at 100 Hz; the mouth's opening follows the loudness of the voice closely enough that the place of the
peak of their cross-correlation tells the lag. A weak or flat peak tells nothing, and is not acted upon.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from appliance.pipeline.face_frame import Floats
from appliance.pipeline.track import MotionTrack
from appliance.settings import SPEECH_RATE_HZ

LISTEN_S: Final = 12.0
"""How much of the sound is enough to tell."""

_RATE_HZ = 100
_FARTHEST_S = 0.4
_WEAKEST = 0.45
_IGNORED_S = 0.03
"""Nobody sees less, and the estimate is no better."""


def lag_s(track: MotionTrack, speech: Floats) -> float:
    """Seconds by which the track is late against `speech` (16 kHz); 0 where it cannot be told or does not matter."""
    loudness = _loudness(speech)
    times = (np.arange(len(loudness)) + 0.5) / _RATE_HZ
    if len(track) < 2 or len(loudness) < 2 * _RATE_HZ:
        return 0.0
    opening = np.interp(times, (np.arange(len(track)) + 0.5) / track.fps, track.opening)
    farthest = round(_FARTHEST_S * _RATE_HZ)
    lags = np.arange(-farthest, farthest + 1)
    likeness = np.array([_correlation(loudness, opening, int(lag)) for lag in lags])
    best = int(likeness.argmax())
    at_zero = likeness[farthest]
    if likeness[best] < _WEAKEST or likeness[best] < at_zero + 0.02 or best in (0, len(lags) - 1):
        return 0.0
    before, peak, after = likeness[best - 1 : best + 2]
    curve = before - 2 * peak + after
    lag = (lags[best] + (0.5 * (before - after) / curve if curve < 0 else 0.0)) / _RATE_HZ
    return float(lag) if abs(lag) >= _IGNORED_S else 0.0


def _loudness(speech: Floats) -> Floats:
    """The level in dB over a floor, per hundredth of a second."""
    hop = SPEECH_RATE_HZ // _RATE_HZ
    frames = speech[: len(speech) // hop * hop].reshape(-1, hop)
    level = 10 * np.log10((frames.astype(np.float64) ** 2).mean(1) + 1e-8)
    if not len(level):
        return np.asarray(level)
    return np.asarray(np.clip(level - (level.max() - 40), 0, None))


def _correlation(loudness: Floats, opening: Floats, lag: int) -> float:
    """Pearson's r between the loudness and the opening `lag` steps later."""
    a = loudness[max(0, -lag) : len(loudness) - max(0, lag)]
    b = opening[max(0, lag) : len(opening) - max(0, -lag)]
    if a.std() < 1e-9 or b.std() < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
