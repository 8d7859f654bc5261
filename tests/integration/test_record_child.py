"""The recorder as the supervisor runs it: a real child process on a real ALSA device, watched over its link."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.jobs import uploads
from appliance.volumes import Volumes
from tests import microphones, utterances
from tests.microphones import NAME, PacedMicrophone

RATE: Final = 16_000
DEADLINE_S: Final = 60.0
NOISE = (0.01 * np.random.default_rng(5).standard_normal(20 * RATE)).astype(np.float32)
MAIN: Final = [sys.executable, "-m", "appliance"]


class Child:
    """A recorder and what it said over its link."""

    def __init__(self, volumes: Volumes, environment: dict[str, str], *arguments: str) -> None:
        reading, writing = os.pipe()
        self.process = subprocess.Popen(
            [*MAIN, "--data", str(volumes.root), "recorder", "--id", "abc", "--device", NAME, *arguments],
            env={**os.environ, **environment, "OMP_NUM_THREADS": "1", "MOUTHPIECE_LINK": str(writing)},
            pass_fds=[writing],
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writing)
        self.lines: list[dict[str, Any]] = []
        self._said = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, args=(reading,), daemon=True)
        self._reader.start()

    def _read(self, descriptor: int) -> None:
        with open(descriptor) as file:
            for line in file:
                with self._said:
                    self.lines.append(json.loads(line))
                    self._said.notify_all()
        with self._said:
            self._ended = True
            self._said.notify_all()

    @property
    def states(self) -> list[dict[str, Any]]:
        return [line["value"] for line in self.lines if line["k"] == "state" and line["name"] == "recording"]

    def wait_for(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first state that meets the condition."""
        with self._said:
            self._said.wait_for(lambda: self._ended or any(map(condition, self.states)), DEADLINE_S)
            found = next(filter(condition, self.states), None)
        assert found is not None, (self.lines[-3:], self.process.stderr)
        return found

    def end(self) -> dict[str, Any]:
        """The last state, after the process has ended by itself."""
        self.process.wait(DEADLINE_S)
        self._reader.join(DEADLINE_S)
        return self.states[-1]

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path / "root")


@contextlib.contextmanager
def child(volumes: Volumes, environment: dict[str, str], *arguments: str) -> Iterator[Child]:
    running = Child(volumes, environment, *arguments)
    try:
        yield running
    finally:
        running.close()


def upload_of(volumes: Volumes, state: dict[str, Any]) -> NDArray[np.float32]:
    """The sound of the upload that a state names. Nothing else of the recording is left."""
    assert list((volumes.data / "recordings").iterdir()) == []
    return samples_of(uploads.get(volumes, state["upload"]).path)


def samples_of(path: Path) -> NDArray[np.float32]:
    with wave.open(str(path)) as file:
        return (np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767).astype(np.float32)


def test_words_become_an_upload(volumes: Volumes, tmp_path: Path) -> None:
    scene = utterances.scene("it privacy-prompt", noise="pink", echo_s=0.3)
    with child(volumes, microphones.playing(tmp_path, scene.samples)) as recorder:
        last = recorder.end()
        assert recorder.process.returncode == 0
        kinds = [line["k"] for line in recorder.lines]
        assert kinds.index("ready") < 5
        assert kinds.count("beat") >= 10
        order = list(dict.fromkeys(state["state"] for state in recorder.states))
    assert order == ["opening", "listening", "speech", "done"]
    assert (last["id"], last["ended"], last["message"], last["microphone"]) == ("abc", "silence", "", NAME)
    seconds = scene.ends_s - scene.begins_s
    assert seconds <= last["seconds"] <= seconds + 2.0
    assert len(upload_of(volumes, last)) / RATE == pytest.approx(last["seconds"], abs=0.01)
    assert uploads.get(volumes, last["upload"]).name.endswith(".wav")


def test_the_level_is_published_ten_times_a_second(volumes: Volumes, tmp_path: Path) -> None:
    with child(volumes, microphones.playing(tmp_path, NOISE), "--seconds", "3") as recorder:
        last = recorder.end()
        metered = [state for state in recorder.states if state["level_db"] is not None and state["state"] != "done"]
    assert len(metered) == pytest.approx(30, abs=2)
    assert metered[-1]["level_db"] == pytest.approx(-40, abs=1)
    assert metered[-1]["noise_db"] == pytest.approx(-40, abs=1)
    assert (last["state"], last["seconds"], last["ended"]) == ("done", 3.0, "length")


def test_sigterm_keeps_it(volumes: Volumes, tmp_path: Path) -> None:
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as recorder:
        microphone.say(NOISE[: 3 * RATE])
        recorder.wait_for(lambda state: state["seconds"] > 2)
        recorder.process.send_signal(signal.SIGTERM)
        last = recorder.end()
    assert (recorder.process.returncode, last["state"], last["ended"]) == (0, "done", "stopped")
    assert len(upload_of(volumes, last)) >= 2 * RATE


def test_sigint_throws_it_away(volumes: Volumes, tmp_path: Path) -> None:
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as recorder:
        microphone.say(NOISE[: 3 * RATE])
        recorder.wait_for(lambda state: state["seconds"] > 2)
        recorder.process.send_signal(signal.SIGINT)
        last = recorder.end()
    assert (recorder.process.returncode, last["state"], last["upload"]) == (0, "cancelled", None)
    assert list((volumes.data / "recordings").iterdir()) == []
    assert not volumes.uploads.exists()


def test_a_recording_that_finds_no_room_among_the_uploads_is_kept_and_told(volumes: Volumes, tmp_path: Path) -> None:
    """A file where the folder of uploads should be stands for the disk that has no room for another one."""
    volumes.data.mkdir(parents=True)
    volumes.uploads.touch()
    with child(volumes, microphones.playing(tmp_path, NOISE), "--seconds", "2") as recorder:
        last = recorder.end()
    assert (recorder.process.returncode, last["state"], last["upload"]) == (0, "failed", None)
    assert last["message"].endswith("the recording becomes an upload when there is room")
    (kept,) = (volumes.data / "recordings").iterdir()
    assert len(samples_of(kept)) == 2 * RATE


def test_nothing_said_fails_with_words_for_the_visitor(volumes: Volumes, tmp_path: Path) -> None:
    with child(volumes, microphones.playing(tmp_path, NOISE)) as recorder:
        last = recorder.end()
    assert (last["state"], last["ended"], last["upload"]) == ("failed", "nothing", None)
    assert last["message"] == "nothing was said within 10 s"
    assert last["hint"]
    assert not volumes.uploads.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "nothing_of_that_name"], "nothing_of_that_name is no microphone"),
        (["--device", "file:'/etc/motd',raw"], "there is no microphone file:"),
        (["--seconds", "100000"], "100000 seconds are not possible"),
    ],
)
def test_what_cannot_be_recorded_is_said(volumes: Volumes, arguments: list[str], words: str) -> None:
    with child(volumes, {}, *arguments) as recorder:
        last = recorder.end()
        assert recorder.process.stderr is not None
        assert "Traceback" not in recorder.process.stderr.read()
    assert recorder.process.returncode == 1
    assert last["state"] == "failed"
    assert words in last["message"]
    assert last["hint"]


def test_what_a_killed_recorder_left_becomes_an_upload_with_the_next(volumes: Volumes, tmp_path: Path) -> None:
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as recorder:
        microphone.say(NOISE[: 4 * RATE])
        recorder.wait_for(lambda state: state["seconds"] > 3)
        recorder.process.kill()
        recorder.process.wait(DEADLINE_S)
    (left,) = (volumes.data / "recordings").iterdir()
    assert len(samples_of(left)) >= 2 * RATE
    with child(volumes, microphones.playing(tmp_path, NOISE), "--seconds", "1") as recorder:
        last = recorder.end()
    assert len(upload_of(volumes, last)) == RATE
    (recovered,) = [folder for folder in volumes.uploads.iterdir() if folder.name != last["upload"]]
    assert np.allclose(samples_of(recovered / "content")[: 3 * RATE], NOISE[: 3 * RATE], atol=1e-4)


def test_when_the_power_fails_what_was_heard_is_closed_at_once(volumes: Volumes, tmp_path: Path) -> None:
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as recorder:
        microphone.say(NOISE[: 3 * RATE])
        recorder.wait_for(lambda state: state["seconds"] > 2)
        recorder.process.send_signal(signal.SIGPWR)
        recorder.process.wait(DEADLINE_S)
    (left,) = (volumes.data / "recordings").iterdir()
    assert left.stat().st_size == 44 + 2 * len(samples_of(left))
    assert len(samples_of(left)) >= 2 * RATE


def test_one_recording_at_a_time(volumes: Volumes, tmp_path: Path) -> None:
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as first:
        microphone.say(NOISE[:RATE])
        first.wait_for(lambda state: state["seconds"] > 0.5)
        with child(volumes, {}, "--seconds", "1") as second:
            last = second.end()
        assert (last["state"], last["message"]) == ("failed", "a recording is already under way")
        assert first.process.poll() is None


def test_a_microphone_that_falls_silent_is_told_and_what_was_heard_kept(volumes: Volumes, tmp_path: Path) -> None:
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as recorder:
        microphone.say(NOISE[: 2 * RATE])
        last = recorder.end()
    assert (last["state"], last["ended"]) == ("done", "unplugged")
    assert re.search(r"delivers no sound any more; the (1\.9|2\.0) s before are kept", last["message"])
    assert len(upload_of(volumes, last)) == pytest.approx(2 * RATE, abs=2000)


def test_of_two_things_to_say_the_weightier_is_the_message(volumes: Volumes, tmp_path: Path) -> None:
    """The console's languages know each, but not the two in one."""
    with PacedMicrophone(tmp_path) as microphone, child(volumes, microphone.environment, "--seconds", "60") as recorder:
        microphone.say(np.sign(NOISE[: 2 * RATE]))
        last = recorder.end()
    assert (last["state"], last["ended"], last["clipped"]) == ("done", "unplugged", True)
    assert re.fullmatch(r".* delivers no sound any more; the (1\.9|2\.0) s before are kept", last["message"])
