"""Memory does not grow with the length of the video."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from tests import sounds
from tests.integration.box import COMMAND, SMALL, Box

# A new process counts what its parent was resident with when it was made, so a small one has to make it.
MEASURE = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)])
_, status, usage = os.wait4(pid, 0)
print(status, usage.ru_maxrss)
"""


def peak_mib(box: Box, portrait: Path, audio: Path, out: Path) -> float:
    """The most memory that a render was resident with."""
    render = [COMMAND, "render", "--avatar", str(portrait), "--audio", str(audio), "--out", str(out), *SMALL]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *render], env=box.environment, stdout=subprocess.PIPE, text=True, check=True
    )
    status, kib = map(int, measured.stdout.split())
    assert status == 0
    return kib / 1024


def test_three_minutes_take_no_more_memory_than_twenty_seconds(box: Box, portrait: Path, tmp_path: Path) -> None:
    peaks = []
    for seconds in (20, 180):
        voice = sounds.write(tmp_path / "a.wav", np.tile(sounds.bursts(20, 16000), seconds // 20), 16000)
        peaks.append(peak_mib(box, portrait, voice, tmp_path / "o.mp4"))
    assert peaks[1] - peaks[0] < 50
    assert peaks[1] < 500
