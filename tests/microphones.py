"""Microphones for tests, where no sound card is: ALSA's `file` plug-in, a real PCM that plays a file to who records.

It is not paced: it gives all at once, and then, for ever, nothing of worth. From a pipe instead of a file it gives what
is written into it, when it is written, so a test sets the pace.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final, Self

import numpy as np
import pytest
from numpy.typing import NDArray

NAME: Final = "testmic"
SYSTEM: Final = Path("/usr/share/alsa/alsa.conf")
VARIABLE: Final = "ALSA_CONFIG_PATH"

_PCM: Final = """
pcm.{name} {{
    type file
    slave.pcm {{ type null }}
    file /dev/null
    infile "{source}"
    format raw
}}
"""


def configure(folder: Path, source: Path) -> dict[str, str]:
    """The environment in which the PCM `NAME` plays raw 16-bit samples from `source`."""
    if not SYSTEM.exists():
        pytest.skip("libasound2-data is not installed")
    config = folder / f"{source.name}.asoundrc"
    config.write_text(f"<{SYSTEM}>\n{_PCM.format(name=NAME, source=source)}")
    return {VARIABLE: str(config)}


def playing(folder: Path, samples: NDArray[np.float32], name: str = "voice") -> dict[str, str]:
    """The environment in which `NAME` plays these samples, [n] or [n, channels], at whatever rate is asked."""
    source = folder / f"{name}.raw"
    source.write_bytes(encoded(samples))
    return configure(folder, source)


def encoded(samples: NDArray[np.float32]) -> bytes:
    return np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


class PacedMicrophone:
    """A microphone that hears what `say` says, when it says it. `environment` is that of the process that records."""

    def __init__(self, folder: Path) -> None:
        self._pipe = folder / "paced"
        os.mkfifo(self._pipe)
        self.environment = configure(folder, self._pipe)
        # Opened for both, so that opening waits for nobody and the reader never sees an end.
        self._file = os.open(self._pipe, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self._file, fcntl.F_SETPIPE_SZ, 1 << 20)

    def say(self, samples: NDArray[np.float32]) -> None:
        """At most half a minute ahead of who records: as much as the pipe holds."""
        data = encoded(samples)
        assert os.write(self._file, data) == len(data)

    def close(self) -> None:
        os.close(self._file)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
