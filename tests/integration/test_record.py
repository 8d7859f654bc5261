"""`mouthpiece record`, run as users run it, on a real ALSA device."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.capture import devices
from tests import microphones, utterances
from tests.integration import box
from tests.integration.box import Box, assert_refused
from tests.microphones import NAME, PacedMicrophone

RATE = 16_000
DEADLINE_S = 60.0
NOISE = (0.01 * np.random.default_rng(5).standard_normal(20 * RATE)).astype(np.float32)


@pytest.fixture
def here(tmp_path: Path) -> Box:
    return Box(tmp_path / "root")


def samples_of(path: Path) -> NDArray[np.float32]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate(), file.getsampwidth()) == (1, RATE, 2)
        return (np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767).astype(np.float32)


@contextlib.contextmanager
def recording(box_: Box, microphone: PacedMicrophone, *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    """The command, running."""
    process = subprocess.Popen(
        [box.COMMAND, "record", "--device", NAME, *map(str, arguments)],
        env=box_.environment | microphone.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_for_seconds(path: Path, seconds: float) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not path.exists() or path.stat().st_size < 44 + seconds * 2 * RATE:
        assert time.monotonic() < deadline, "nothing was recorded"
        time.sleep(0.02)


def test_a_number_of_seconds(here: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in microphones.playing(tmp_path, NOISE).items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out.wav"
    done = here.run("record", "--seconds", "2.5", "--device", NAME, "--out", out, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    report = json.loads(done.stdout)
    assert (report["seconds"], report["ended"], report["out"]) == (2.5, "length", str(out))
    assert report["noise_db"] == pytest.approx(-40, abs=1)
    assert np.allclose(samples_of(out), NOISE[: round(2.5 * RATE)], atol=1e-4)


def test_until_silence(here: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = utterances.scene("fr privacy-prompt", noise="pink", echo_s=0.3, lead_s=2.0)
    for name, value in microphones.playing(tmp_path, scene.samples).items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out.wav"
    done = here.run("record", "--until-silence", "--device", NAME, "--out", out)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"recording from {NAME}\n"
    assert re.fullmatch(rf"{out}: \d\.\d s, peak -\d+ dB, noise -\d+ dB\n", done.stdout)
    begins_s, seconds = utterances.where(scene, out), len(samples_of(out)) / RATE
    assert 1.0 <= begins_s <= scene.begins_s
    assert scene.ends_s <= begins_s + seconds <= scene.ends_s + 1.0


def test_nothing_said(here: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in microphones.playing(tmp_path, NOISE).items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out.wav"
    done = here.run("record", "--until-silence", "--device", NAME, "--out", out, "--json")
    assert_refused(done, "nothing was said within 10 s")
    assert not out.exists()
    done = here.run("record", "--until-silence", "--device", NAME, "--out", out, "--json", "--keep-silence")
    assert done.returncode == 0
    assert json.loads(done.stdout)["ended"] == "nothing"
    assert len(samples_of(out)) == 10 * RATE


def test_control_c_ends_it_and_keeps_what_was_heard(here: Box, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with (
        PacedMicrophone(tmp_path) as microphone,
        recording(here, microphone, "--seconds", "60", "--out", out) as process,
    ):
        microphone.say(NOISE[: 3 * RATE])
        wait_for_seconds(out, 2.5)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors
    assert said.startswith(f"{out}: ")
    heard = samples_of(out)
    assert 2.5 <= len(heard) / RATE <= 3
    assert np.allclose(heard, NOISE[: len(heard)], atol=1e-4)


def test_killed_outright_it_leaves_a_file_that_opens(here: Box, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with (
        PacedMicrophone(tmp_path) as microphone,
        recording(here, microphone, "--seconds", "60", "--out", out) as process,
    ):
        microphone.say(NOISE[: 4 * RATE])
        wait_for_seconds(out, 3.5)
        process.kill()
        process.wait(DEADLINE_S)
    heard = samples_of(out)
    assert 2.4 <= len(heard) / RATE <= 4
    assert np.allclose(heard, NOISE[: len(heard)], atol=1e-4)


def test_a_terminal_shows_the_level(here: Box, tmp_path: Path) -> None:
    out = tmp_path / "out.wav"
    with PacedMicrophone(tmp_path) as microphone:
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [box.COMMAND, "record", "--device", NAME, "--seconds", "2", "--out", str(out)],
            env=here.environment | microphone.environment | {"COLUMNS": "100"},
            stdout=subprocess.DEVNULL,
            stderr=theirs,
        )
        os.close(theirs)
        microphone.say(NOISE[: 2 * RATE + 3200])
        shown = b""
        with contextlib.suppress(OSError):  # the terminal of a process that ended
            while select.select([ours], [], [], DEADLINE_S)[0] and (part := os.read(ours, 4096)):
                shown += part
        os.close(ours)
        assert process.wait(DEADLINE_S) == 0
    lines = [line for line in shown.decode().split("\r") if "dB" in line]
    assert len(lines) >= 15
    assert re.match(r"speech +━+─+┃─+ +-40 dB  noise  -4\d dB    1\.\d s", lines[-2])


def test_a_disk_without_room(here: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's limit on the size of a file stands for it: both refuse in the middle of a write."""
    for name, value in microphones.playing(tmp_path, NOISE).items():
        monkeypatch.setenv(name, value)
    out = tmp_path / "out.wav"
    command = [box.COMMAND, "record", "--seconds", "10", "--device", NAME, "--out", str(out)]
    done = subprocess.run(
        ["prlimit", "--fsize=100000", *command], env=here.environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "error: the disk is full; 3.1 s are kept" in done.stderr
    assert len(samples_of(out)) == (100_000 - 44) // 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--seconds", "500"], "500 seconds are not possible"),
        (["--seconds", "0"], "0 seconds are not possible"),
        (["--seconds", "1", "--device", "nothing_of_that_name"], "nothing_of_that_name is no microphone"),
        (["--seconds", "1", "--device", "x", "--out", "/nowhere/out.wav"], "there is no folder /nowhere"),
    ],
)
def test_what_cannot_be_recorded(here: Box, tmp_path: Path, arguments: list[str], words: str) -> None:
    done = here.run("record", "--out", tmp_path / "out.wav", "--json", *arguments)
    assert_refused(done, words)
    assert not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize("arguments", [[], ["--seconds", "1"], ["--seconds", "1", "--until-silence", "--out", "a.wav"]])
def test_usage(here: Box, arguments: list[str]) -> None:
    assert here.run("record", *arguments).returncode == 2


def test_the_list_is_what_the_kernel_has(here: Box) -> None:
    done = here.run("record", "--list", "--json")
    assert done.returncode == 0, done.stderr
    assert [each["id"] for each in json.loads(done.stdout)] == [each.id for each in devices.present()]


def test_without_a_microphone_it_says_so(here: Box, tmp_path: Path) -> None:
    if devices.present():
        pytest.skip("this machine has a microphone")
    assert here.run("record", "--list").stderr == "no microphone is plugged in\n"
    assert_refused(here.run("record", "--seconds", "1", "--out", tmp_path / "a.wav"), "there is no microphone")
