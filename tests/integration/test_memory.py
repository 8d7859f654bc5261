"""Memory does not grow with the length of the video."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from tests import sounds
from tests.integration.box import COMMAND, SMALL, Box


def peak_mib(box: Box, portrait: Path, audio: Path, out: Path) -> float:
    """The most memory that a render was resident with."""
    arguments = ["render", "--avatar", str(portrait), "--audio", str(audio), "--out", str(out), *SMALL, "--json"]
    pid = os.posix_spawn(COMMAND, [COMMAND, *arguments], box.environment)
    _, status, usage = os.wait4(pid, 0)
    assert status == 0
    return usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def test_three_minutes_take_no_more_memory_than_twenty_seconds(box: Box, portrait: Path, tmp_path: Path) -> None:
    peaks = []
    for seconds in (20, 180):
        voice = sounds.write(tmp_path / "a.wav", np.tile(sounds.bursts(20, 16000), seconds // 20), 16000)
        peaks.append(peak_mib(box, portrait, voice, tmp_path / "o.mp4"))
    assert peaks[1] - peaks[0] < 50
    assert peaks[1] < 500
