"""RHVoice's statistical voices as a source of English speech with the exact time of every segment.

RHVoice tells its callers no times, but where `RHVOICE_DEBUG_HTS_FILE` names a prefix its engine writes what it made of
a clause beside it, in `PREFIX.lab` the label: lines `START END CONTEXT`, times in units of 100 ns from the beginning
of the clause, the phone (of the radio set) between `-` and `+`. The next clause overwrites the file, so that one is a
pipe here. Segments tile the signal; a stop's segment holds its closure and its burst.

`root` is where tools/train/extra_packages.sh unpacked the packages. Raises `UnhealthyError` where they are not there.
"""

from __future__ import annotations

import fcntl
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError
from tools.train.phones import Segment, from_festival, split
from tools.train.wav import read_wave

VOICES: Final = ("alan", "bdl", "clb")
"""Not slt, whose speaker is heard in validation, nor the two whose licence forbids what is made from them."""
_HTS_HZ: Final = 1e7
_LABEL: Final = re.compile(r"(\d+) (\d+) [^-]+-([a-z]+)\+")
_PIPE_BYTES: Final = 1 << 20
"""Room for the labels of some thousand phones, since nobody reads them before the program has ended."""
_TIMEOUT_S: Final = 60


def say(
    texts: list[str], voice: str, root: Path, pitches: list[float] | None = None
) -> Iterator[tuple[NDArray[np.float32], int, list[Segment]]]:
    """Samples, sample rate and segments of each text; a text that RHVoice cannot say is left out.

    `pitches` are shares of the speaker's own pitch, from 0.5 to 2.
    """
    program = root / "usr/bin/RHVoice-test"
    if not program.is_file() or not (root / f"usr/share/RHVoice/voices/{voice}").is_dir():
        raise UnhealthyError(f"RHVoice's voice {voice} is not in {root}", hint="run tools/train/extra_packages.sh")
    with tempfile.TemporaryDirectory() as folder:
        labels, sound = Path(folder) / "said.lab", Path(folder) / "said.wav"
        os.mkfifo(labels)
        # Open for writing too: so the pipe never ends, and keeps what was written when its writers are gone.
        pipe = os.open(labels, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        environment = {
            "LD_LIBRARY_PATH": ":".join(str(path) for path in sorted((root / "usr/lib").glob("*-linux-gnu*"))),
            "RHVOICE_DATA_PATH": str(root / "usr/share/RHVoice"),
            "RHVOICE_CONFIG_PATH": folder,
            "RHVOICE_DEBUG_HTS_FILE": str(labels.with_suffix("")),
        }
        # Only the engine of the best quality writes labels.
        command = [str(program), "--quality", "max", "--profile", voice, "--output", str(sound)]
        try:
            for place, text in enumerate(texts):
                pitch = ["--pitch", f"{100 * pitches[place]:.0f}"] if pitches else []
                done = subprocess.run(
                    [*command, *pitch], input=text.encode(), env=environment, capture_output=True, check=False,
                    timeout=_TIMEOUT_S,
                )  # fmt: skip
                segments = _segments(_drained(pipe))
                if done.returncode == 0 and segments:
                    samples, rate = read_wave(sound)
                    if abs(len(samples) / rate - segments[-1].end) < 1e-3:
                        yield samples, rate, segments
        finally:
            os.close(pipe)


def _drained(pipe: int) -> str:
    try:
        return os.read(pipe, _PIPE_BYTES).decode("ascii", "replace")
    except BlockingIOError:
        return ""


def _segments(labels: str) -> list[Segment]:
    """The clauses one after another."""
    segments: list[Segment] = []
    clause = last = 0.0
    for start_text, end_text, name in _LABEL.findall(labels):
        if start_text == "0":
            clause = last
        last = clause + int(end_text) / _HTS_HZ
        segments += split(clause + int(start_text) / _HTS_HZ, last, from_festival(name, "radio") or ("sil",))
    return segments
