"""How loud it is, in dB relative to full scale (a full-scale square wave is 0 dB, a sine -3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.settings import SPEECH_RATE_HZ

FRAME: Final = SPEECH_RATE_HZ // 50
"""Samples in a frame of 20 ms, the unit of the noise floor and of the voice activity."""
SILENCE_DB: Final = -96.0
"""Shown for digital silence; one step of 16 bits."""


@dataclass(frozen=True, slots=True)
class Level:
    """Of one block: the loudest sample, and the root mean square."""

    peak_db: float
    rms_db: float


def measure(samples: NDArray[np.float32]) -> Level:
    """The level of a block [n] in [-1, 1]."""
    if not len(samples):
        return Level(SILENCE_DB, SILENCE_DB)
    return Level(
        decibels(float(np.abs(samples).max())), decibels(float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))))
    )


def frame_levels(samples: NDArray[np.float32]) -> list[float]:
    """The root mean square of every whole frame of a block, in dB."""
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    return [decibels(float(value)) for value in np.sqrt(np.mean(np.square(whole, dtype=np.float64), axis=1))]


def decibels(amplitude: float) -> float:
    return max(SILENCE_DB, 20 * float(np.log10(max(amplitude, 1e-9))))
