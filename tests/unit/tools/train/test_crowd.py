"""Speakers between voices, here small files of the real form: `make train` alone fetches the real ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.train import crowd
from tools.train.kokoro import STYLE

VOICES = {"af_one": 1.0, "am_two": 2.0, "bf_three": 3.0, "jf_four": 4.0, "af_secret": 100.0}
"""The timbre of each; its manner is that and ten more."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    voices = tmp_path / "package" / "voices"
    voices.mkdir(parents=True)
    for name, timbre in VOICES.items():
        styles = np.full((20, STYLE), timbre, np.float32)
        styles[:, STYLE // 2 :] += 10
        styles.tofile(voices / f"{name}.bin")
    return tmp_path


def test_a_speaker_lies_between_the_voices_or_a_little_beyond(folder: Path) -> None:
    for name in crowd.NAMES:
        styles = crowd.styles(name, folder, ["af_secret"])
        timbre, manner = styles[:, : STYLE // 2], styles[:, STYLE // 2 :]
        assert 1 - 0.75 <= timbre.min() == timbre.max() <= 4 + 0.75
        assert 11 <= manner.min() == manner.max() <= 13  # jf_four speaks no English
        assert len(styles) == 20


def test_no_two_speakers_are_alike_and_each_is_always_the_same(folder: Path) -> None:
    speakers = [crowd.styles(name, folder, []) for name in crowd.NAMES]
    assert len({(float(each[0, 0]), float(each[0, -1])) for each in speakers}) == len(crowd.NAMES)
    assert np.array_equal(speakers[7], crowd.styles(crowd.NAMES[7], folder, []))
