"""Recordings and synthesised speech as mono 16 kHz samples."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.settings import SPEECH_RATE_HZ

Samples = NDArray[np.float32]
_PEAK: Final = 0.5
_SILENCE: Final = 1e-3
"""A peak under this is not raised further."""


def resampled(samples: Samples, rate_hz: int) -> Samples:
    """The signal at 16 kHz."""
    if rate_hz == SPEECH_RATE_HZ:
        return samples
    import av

    frame = av.AudioFrame.from_ndarray(samples[None, :], format="fltp", layout="mono")
    frame.sample_rate, frame.time_base = rate_hz, Fraction(1, rate_hz)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEECH_RATE_HZ)
    parts = [part.to_ndarray()[0] for part in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(parts) if parts else samples[:0]


def levelled(samples: Samples) -> Samples:
    """As loud at its loudest as every other recording."""
    return samples * np.float32(_PEAK / max(float(np.abs(samples).max(initial=0.0)), _SILENCE))


def decoded(sound: Path | bytes) -> Samples:
    """Any recording that PyAV reads, else `ValueError`; a bare `.g722` is the telephone codec at 16 kHz."""
    import av

    form = "g722" if isinstance(sound, Path) and sound.suffix == ".g722" else None
    source: str | io.BytesIO = str(sound) if isinstance(sound, Path) else io.BytesIO(sound)
    resampler = av.AudioResampler(format="fltp", layout="mono", rate=SPEECH_RATE_HZ)
    parts: list[Samples] = []
    try:
        with av.open(source, "r", format=form) as container:
            for frame in container.decode(audio=0):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
            parts += [part.to_ndarray()[0] for part in resampler.resample(None)]
    except av.FFmpegError as error:
        name = sound if isinstance(sound, Path) else "a recording"
        raise ValueError(f"{name} cannot be decoded: {error}") from error
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
