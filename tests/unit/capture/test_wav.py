"""The file opens at any moment, whoever dies."""

from __future__ import annotations

import os
import signal
import wave
from pathlib import Path

import numpy as np
import pytest

from appliance.capture.wav import HEADER, WavFile, recover
from appliance.errors import InputError

SECOND = np.linspace(-1, 1, 16000, dtype=np.float32)


def frames(path: Path) -> int:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, 16000, 2)
        count: int = file.getnframes()
        assert len(file.readframes(count)) == 2 * count
        return count


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WavFile(path) as file:
        file.append(SECOND)
        file.append(2 * SECOND[:100])
    assert path.stat().st_size == HEADER + 2 * 16100
    with wave.open(str(path)) as read:
        samples = np.frombuffer(read.readframes(16100), "<i2")
    assert np.array_equal(samples[:16000], np.clip(np.rint(SECOND * 32768), -32768, 32767))
    assert samples[16000:].min() == samples.min() == -32768
    assert samples.max() == 32767


def test_it_opens_after_every_piece_and_lacks_less_than_a_second(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    file = WavFile(path)
    assert frames(path) == 0
    for number in range(1, 40):
        file.append(SECOND[:1600])
        assert 1600 * number - 16000 < frames(path) <= 1600 * number
    file.close()
    assert frames(path) == 39 * 1600


def test_a_killed_writer_leaves_what_recovery_gives_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    child = os.fork()
    if not child:
        file = WavFile(path)
        for _ in range(25):
            file.append(SECOND[:1600])
        os.kill(os.getpid(), signal.SIGKILL)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
    assert frames(path) == 20 * 1600
    assert recover(path) == 2.5
    assert frames(path) == 25 * 1600


def test_the_end_can_be_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with WavFile(path) as file:
        file.append(SECOND)
        file.truncate(1000)
        file.append(SECOND[:10])
        file.truncate(5000)
    assert frames(path) == 1010


def test_discarding_leaves_nothing(tmp_path: Path) -> None:
    file = WavFile(tmp_path / "a.wav")
    file.append(SECOND)
    file.discard()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"RIFF", b"\0" * 100, b"RIFF\0\0\0\0WAVEfmt \x12" + bytes(60)])
def test_only_its_own_files_are_recovered(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.wav is not a recording of this box"):
        recover(path)
    assert path.read_bytes() == content
