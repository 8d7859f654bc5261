"""Several channels to one: the mean of those that hear the room.

Decided once, from the first moments, while nobody speaks yet: a channel of digital silence (a mono microphone on a
stereo plug) and one that is far louder than the quietest (hum, an open input) are left out.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_SILENT: Final = 1e-4
"""Full scale being 1: under the noise of any real input of 16 bits."""
_MUCH_LOUDER: Final = 4.0
"""In amplitude: 12 dB."""


def alive(opening: NDArray[np.float32]) -> list[int]:
    """The channels of `opening` [n, channels] worth mixing; all of them where none stands out."""
    loudness = np.sqrt(np.mean(np.square(opening, dtype=np.float64), axis=0))
    hearing = [channel for channel, level in enumerate(loudness) if level > _SILENT]
    if not hearing:
        return list(range(opening.shape[1]))
    quietest = min(loudness[hearing])
    return [channel for channel in hearing if loudness[channel] <= _MUCH_LOUDER * quietest]


def mixed(samples: NDArray[np.float32], channels: list[int]) -> NDArray[np.float32]:
    """The mean [n] of the given channels of `samples` [n, all channels]."""
    return np.asarray(samples[:, channels].mean(axis=1), np.float32)
