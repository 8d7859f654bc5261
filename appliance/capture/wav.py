"""A WAV file that opens whenever its writer dies: 16 kHz, mono, 16 bits.

    RIFF size WAVE  "fmt " 16 PCM ...  data size  samples

The two sizes are brought up to date after every second of sound and at the end, and cover only what lies in the file
before them, so a reader sees all but the last second of a writer that was killed; `recover` gives that back too. The
file is durable after `close` or `sync`.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.settings import SPEECH_RATE_HZ
from appliance.storage.atomic import fsync_directory

HEADER: Final = 44
WIDTH: Final = 2
"""Bytes in a sample."""
_FULL_SCALE: Final = 32768
"""As in `source`, so that what a microphone of this format gives is kept to the bit."""


class WavFile:
    """Opens `path` for writing, replacing what was there. Raises `OSError` as the file system does."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        self._samples = 0
        self._stated = 0
        try:
            _write(self._file, _header(0))
        except OSError:
            os.close(self._file)
            path.unlink(missing_ok=True)
            raise

    @property
    def samples(self) -> int:
        return self._samples

    def append(self, samples: NDArray[np.float32]) -> None:
        """Add samples in [-1, 1]. After an error what the disk took of them is in the file and counts."""
        data = np.clip(np.rint(samples * _FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2").tobytes()
        try:
            _write(self._file, data)
        finally:
            self._samples = (os.fstat(self._file).st_size - HEADER) // WIDTH
        if self._samples - self._stated >= SPEECH_RATE_HZ:
            self._state()

    def truncate(self, samples: int) -> None:
        """Forget what comes after the first `samples`."""
        self._samples = min(samples, self._samples)
        self._state()
        os.ftruncate(self._file, HEADER + WIDTH * self._samples)
        os.lseek(self._file, 0, os.SEEK_END)

    def sync(self) -> None:
        """Make durable what was written so far."""
        self._state()
        os.fsync(self._file)

    def close(self) -> None:
        try:
            self.truncate(self._samples)
            os.fsync(self._file)
            fsync_directory(self.path.parent)
        finally:
            os.close(self._file)

    def discard(self) -> None:
        """Close and remove the file."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)

    def _state(self) -> None:
        os.pwrite(self._file, _header(self._samples), 0)
        self._stated = self._samples

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def recover(path: Path) -> float:
    """Make the sizes of a file whose writer was killed cover all that is in it; the seconds that it lasts."""
    with path.open("r+b") as file:
        start = file.read(HEADER)
        if start[:4] + start[8:40] != _header(0)[:4] + _header(0)[8:40]:
            raise InputError(f"{path} is not a recording of this box", hint="remove it")
        samples = (os.fstat(file.fileno()).st_size - HEADER) // WIDTH
        os.pwrite(file.fileno(), _header(samples), 0)
        os.fsync(file.fileno())
    return samples / SPEECH_RATE_HZ


def _header(samples: int) -> bytes:
    size = samples * WIDTH
    form = struct.pack("<HHIIHH", 1, 1, SPEECH_RATE_HZ, SPEECH_RATE_HZ * WIDTH, WIDTH, 8 * WIDTH)
    return (
        b"RIFF"
        + struct.pack("<I", HEADER - 8 + size)
        + b"WAVEfmt "
        + struct.pack("<I", len(form))
        + form
        + (b"data" + struct.pack("<I", size))
    )


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
