"""Sound to log-mel frames, as a stream: the ear of the motion network.

Input is mono float32 at 16 kHz, full scale 1. Frame k is a 25 ms Hann window centred on (k + 0.5) * 10 ms, 512-point
power spectrum, 40 triangular filters equally spaced on the mel scale (O'Shaughnessy: 2595 log10(1 + f / 700)) from 60
to 7600 Hz, natural logarithm. Around the signal lies digital silence. Whatever cannot be a sample (NaN, infinity)
counts as silence, and what is far over full scale is clipped, so that no input can poison the network's state.

`Level` follows the loudness: the network hears every frame relative to the loudest recent one, which makes it
indifferent to the gain of the microphone. The level rises at once, falls `FALL_PER_FRAME`, and stops at `FLOOR`, under
which everything counts as quiet. `Channel` then takes the mean spectrum of the voice itself out, which differs with
microphone, room and throat: a mean over the loud frames so far, which forgets in 3 s and begins at what is usual.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.settings import SPEECH_RATE_HZ

BANDS: Final = 40
HOP: Final = 160
WINDOW: Final = 400
FRAME_HZ: Final = SPEECH_RATE_HZ / HOP
_FFT: Final = 512
_LEAD: Final = (WINDOW - HOP) // 2
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0
_QUIETEST: Final = 1e-10
FALL_PER_FRAME: Final = 0.003
"""In natural-log power: 1.3 dB a second."""
FLOOR: Final = -14.0
"""Mean log-mel of the faintest signal that is still taken for a voice, about 85 dB under full scale."""
_LOUDEST: Final = 8.0
USUAL: Final = np.interp(
    np.arange(BANDS),
    [0, 3, 6, 8, 10, 13, 19, 29, 31, 35, 39],
    [0.2, 1.6, 1.3, 0.5, -0.7, -1.9, -2.3, -2.4, -3.5, -5.7, -6.5],
).astype(np.float32)
"""The mean spectrum of the training voices, relative to the level."""
QUIET, LOUD = -7.0, 4.0
"""A frame tells about the voice from this mean over the bands on, and tells all `LOUD` above it."""
FORGET_PER_FRAME: Final = 1 / 300
BELIEF_FRAMES: Final = 40.0
"""For how many loud frames the usual spectrum counts."""
_STRETCH: Final = 1000

Mel = NDArray[np.float32]


def _filters() -> NDArray[np.float32]:
    """Triangles [257, BANDS] of unit height."""

    def mel(hz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.asarray(2595 * np.log10(1 + np.asarray(hz) / 700))

    corners = np.linspace(mel(_LOW_HZ), mel(_HIGH_HZ), BANDS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * SPEECH_RATE_HZ / _FFT)[:, None]
    left, middle, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (bins - left) / (middle - left), (right - bins) / (right - middle)
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), dtype=np.float32)


_FILTERS: Final = _filters()
_HANN: Final = (0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(WINDOW) + 0.5) / WINDOW)).astype(np.float32)


def log_mel(samples: NDArray[np.float32]) -> Mel:
    """Frames [n, BANDS] of the windows that fit wholly into `samples`, the first at its start."""
    if len(samples) < WINDOW:
        return np.zeros((0, BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    spectrum = np.fft.rfft(windows * _HANN, _FFT)
    power = np.asarray(spectrum.real**2 + spectrum.imag**2, np.float32)
    return np.asarray(np.log(power @ _FILTERS / WINDOW + np.float32(_QUIETEST)), np.float32)


def sanitised(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Finite mono samples within reach of full scale."""
    finite = np.nan_to_num(np.asarray(samples, dtype=np.float32).ravel(), nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(finite, -_LOUDEST, _LOUDEST)


class Level:
    """The running loudness."""

    def __init__(self) -> None:
        self._level = FLOOR

    def relative(self, mel: Mel) -> Mel:
        """The frames with the level of each subtracted."""
        if not len(mel):
            return mel
        fall = FALL_PER_FRAME * np.arange(1, len(mel) + 1)
        heights = np.concatenate([[self._level], mel.mean(axis=1) + fall])
        level = np.maximum(np.maximum.accumulate(heights)[1:] - fall, FLOOR)
        self._level = float(level[-1])
        return np.asarray(mel - level[:, None], np.float32)


class Channel:
    """The mean spectrum of the voice, as far as it was heard."""

    def __init__(self) -> None:
        self._sum: NDArray[np.float64] = np.zeros(BANDS)
        self._weight = 0.0

    def equalised(self, relative: Mel) -> Mel:
        """Frames relative to the level, with the voice's own mean taken out."""
        parts = [self._stretch(relative[start : start + _STRETCH]) for start in range(0, len(relative), _STRETCH)]
        return np.concatenate([relative[:0], *parts])

    def _stretch(self, relative: Mel) -> Mel:
        loud = np.clip((relative.mean(axis=1, keepdims=True) - QUIET) / LOUD, 0, 1).astype(np.float64)
        decay = np.exp(-FORGET_PER_FRAME * np.arange(1, len(relative) + 1))[:, None]
        sums = (self._sum + np.cumsum(loud * (relative - USUAL) / decay, axis=0)) * decay
        weights = (self._weight + np.cumsum(loud / decay, axis=0)) * decay
        self._sum, self._weight = sums[-1], float(weights[-1, 0])
        return np.asarray(relative - sums / (weights + BELIEF_FRAMES), np.float32)


class MelStream:
    """Turns blocks of any length into frames; the same frames whatever the blocks."""

    def __init__(self) -> None:
        self._pending = np.zeros(_LEAD, np.float32)
        self._samples = 0
        self._frames = 0

    @property
    def samples(self) -> int:
        """How many samples came so far."""
        return self._samples

    def push(self, samples: NDArray[np.float32]) -> Mel:
        """The frames that became whole."""
        clean = sanitised(samples)
        self._samples += len(clean)
        return self._take(clean)

    def finish(self, frames: int) -> Mel:
        """Silence after the end, until `frames` frames were given in all."""
        missing = (frames - self._frames - 1) * HOP + WINDOW - len(self._pending)
        return self._take(np.zeros(max(missing, 0), np.float32))

    def _take(self, samples: NDArray[np.float32]) -> Mel:
        self._pending = np.concatenate([self._pending, samples])
        mel = log_mel(self._pending)
        self._pending = self._pending[len(mel) * HOP :].copy()
        self._frames += len(mel)
        return mel
