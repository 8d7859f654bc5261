"""A real ALSA device, read: what it says arrives, in blocks, at 16 kHz, in one channel."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.capture.devices import Kind, Microphone
from appliance.capture.source import BLOCK, Block, LostError, Source, blocks
from appliance.errors import InputError, UnhealthyError
from tests import microphones, sounds

Samples = NDArray[np.float32]
TIME = np.arange(32000) / 16000
SINE = (0.5 * np.sin(2 * np.pi * 440 * TIME)).astype(np.float32)
DEADLINE_S = 20.0


def listen(seconds: float, name: str = microphones.NAME) -> tuple[Samples, list[bool]]:
    """So many seconds of the device, and which blocks were clipped."""
    with Source(name) as source:
        heard: list[Block] = []
        while len(heard) * BLOCK < seconds * 16000:
            block = source.read(DEADLINE_S)
            assert block is not None
            heard.append(block)
    return np.concatenate([block.samples for block in heard]), [block.clipped for block in heard]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv(microphones.VARIABLE, "")
    return monkeypatch


def play(environment: pytest.MonkeyPatch, folder: Path, samples: Samples) -> None:
    for name, value in microphones.playing(folder, samples).items():
        environment.setenv(name, value)


def test_every_sample_of_the_device_arrives(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(environment, tmp_path, SINE)
    heard, clipped = listen(3.0)
    assert np.allclose(heard[: len(SINE)], SINE, atol=1e-4)
    assert not any(clipped)


def test_blocks_are_all_of_a_length(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(environment, tmp_path, SINE)
    with Source(microphones.NAME) as source:
        for _ in range(5):
            block = source.read(DEADLINE_S)
            assert block is not None
            assert block.samples.shape == (BLOCK,)
            assert block.samples.dtype == np.float32


def test_a_card_with_only_48_khz_and_two_channels(tmp_path: Path) -> None:
    """The same samples out of a WAV file; the card itself is tested in a guest. Its second channel is dead."""
    fast = np.arange(2 * 48000) / 48000
    voice = (0.5 * np.sin(2 * np.pi * 440 * fast) + 0.2 * np.sin(2 * np.pi * 15000 * fast)).astype(np.float32)
    path = sounds.write(tmp_path / "card.wav", np.stack([voice, np.zeros_like(voice)]), 48000)
    with av.open(str(path)) as container:
        parts = list(blocks(container))
    assert [len(part.samples) for part in parts[:-1]] == [BLOCK] * (len(parts) - 1)
    heard = np.concatenate([part.samples for part in parts])
    assert len(heard) / 16000 == pytest.approx(2, abs=0.01)
    middle = heard[8000:24000] * np.hanning(16000)
    spectrum = np.abs(np.fft.rfft(middle)) / 4000
    assert spectrum[440] == pytest.approx(0.5, abs=0.02)
    assert spectrum[1000] < 0.005, "15 kHz comes back as 1 kHz"


def test_an_overdriven_input_is_noticed_where_it_is(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    loud = SINE.copy()
    loud[16000:24000] *= 4
    play(environment, tmp_path, loud)
    _, clipped = listen(2.0)
    assert [index for index, each in enumerate(clipped) if each] == [10, 11, 12, 13, 14]


def test_a_name_that_is_no_device(
    environment: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    play(environment, tmp_path, SINE)
    with pytest.raises(InputError, match="nothing_of_that_name is no microphone") as caught:
        Source("nothing_of_that_name")
    assert "record --list" in caught.value.hint
    assert capfd.readouterr().err == ""


def test_a_microphone_that_has_gone_meanwhile(tmp_path: Path) -> None:
    gone = Microphone("usb:1", "Yeti", Kind.USB, "mouthpiece:CARD=9,DEV=0", str(tmp_path / "pcmC9D0c"), "Yeti")
    with pytest.raises(UnhealthyError, match="the microphone Yeti is gone"):
        Source(gone)


def _until_lost(source: Source) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        source.read(0.1)


def test_a_device_that_falls_silent_is_lost(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with microphones.PacedMicrophone(tmp_path) as paced:
        for name, value in paced.environment.items():
            environment.setenv(name, value)
        environment.setattr("appliance.capture.source._STALLED_S", 1.0)
        paced.say(SINE[:16000])
        with Source(microphones.NAME) as source:
            assert all(source.read(DEADLINE_S) for _ in range(8))
            with pytest.raises(LostError, match="delivers no sound any more"):
                _until_lost(source)
            paced.say(SINE)


def test_a_slow_listener_loses_nothing(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """More than fits the memory between the two: the thread waits."""
    counter = (np.arange(30 * 16000) % 30000 / 32767).astype(np.float32)
    play(environment, tmp_path, counter)
    with Source(microphones.NAME) as source:
        reader = next(thread for thread in threading.enumerate() if thread.name == "microphone")
        heard: list[Samples] = []
        while sum(map(len, heard)) < len(counter):
            block = source.read(DEADLINE_S)
            assert block is not None
            heard.append(block.samples)
        assert reader.is_alive()
    assert np.allclose(np.concatenate(heard)[: len(counter)], counter, atol=1e-4)
    assert not reader.is_alive()


def test_the_systems_configuration_stays_in_force(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    play(environment, tmp_path, SINE)
    given = os.environ[microphones.VARIABLE]
    listen(0.1)
    first, second = os.environ[microphones.VARIABLE].split(":")
    assert first == given
    assert Path(second).name == "alsa.conf"
    listen(0.1)
    assert os.environ[microphones.VARIABLE] == f"{first}:{second}"
