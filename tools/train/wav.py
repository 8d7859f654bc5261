"""A synthesiser's WAV file, mono and 16 bit, as it is: no change of its rate."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def read_wave(path: Path) -> tuple[NDArray[np.float32], int]:
    """Samples and sample rate."""
    with wave.open(str(path)) as stored:
        data = np.frombuffer(stored.readframes(stored.getnframes()), np.int16)
        return data.astype(np.float32) / np.float32(32768), stored.getframerate()
