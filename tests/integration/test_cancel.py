"""A render that is called off, or dies: nothing half-written under a name that anybody would read."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from appliance.storage import atomic
from tests import moving_pictures, sounds
from tests.integration.box import COMMAND, SMALL, TIMEOUT_S, Box, leftovers

Start = Callable[[Path], subprocess.Popen[str]]


def wait_until(true: Callable[[], object], process: subprocess.Popen[str]) -> None:
    """Wait for what the running process does."""
    deadline = time.monotonic() + TIMEOUT_S
    while not true():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture(scope="module")
def quarter_of_an_hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Too much to be finished before anybody can say stop."""
    return sounds.write(tmp_path_factory.mktemp("long") / "a.wav", np.zeros((1, 900 * 8000), np.float32), 8000)


@pytest.fixture
def start(box: Box, portrait: Path, quarter_of_an_hour: Path) -> Iterator[Start]:
    """Starts a long render, and comes back when it has written its first fragments."""
    running: list[subprocess.Popen[str]] = []

    def begin(out: Path) -> subprocess.Popen[str]:
        arguments = ["render", "--avatar", str(portrait), "--audio", str(quarter_of_an_hour), "--out", str(out), *SMALL]
        process = subprocess.Popen(
            [COMMAND, *arguments], env=box.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        running.append(process)
        wait_until(lambda: len(list(out.parent.glob(f"{atomic.PREFIX}*/*.fragment"))) > 2, process)
        return process

    yield begin
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_and_nothing_is_left(start: Start, tmp_path: Path, box: Box, number: signal.Signals) -> None:
    out = tmp_path / "o.mp4"
    out.write_bytes(b"an older video")
    process = start(out)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 130
    assert (stdout, stderr) == ("", "cancelled; nothing was left behind\n")
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == b"an older video"
    assert leftovers(box.root) == []


def test_sudden_death_leaves_only_what_a_sweep_removes(start: Start, tmp_path: Path, box: Box) -> None:
    out = tmp_path / "o.mp4"
    out.write_bytes(b"an older video")
    process = start(out)
    process.kill()
    process.communicate()
    (folder,) = leftovers(tmp_path)[:1]
    assert folder.parent == tmp_path
    atomic.sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [out]
    assert out.read_bytes() == b"an older video"
    assert leftovers(box.root) == []


def test_enrolment_can_be_cancelled(box: Box, tmp_path: Path) -> None:
    """A template video of noise: looking for a face in each of its frames takes long."""
    film = tmp_path / "film.mp4"
    random = np.random.default_rng(3)
    pictures = [np.asarray(random.integers(0, 255, (360, 640, 3)), np.uint8) for _ in range(10)] * 40
    moving_pictures.write_video(film, pictures, options={"preset": "ultrafast"})
    process = subprocess.Popen(
        [COMMAND, "avatar", "add", "anna", str(film)],
        env=box.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    avatars = box.root / "data" / "avatars"
    wait_until(lambda: list(avatars.glob(f"{atomic.PREFIX}*/*")), process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, stderr) == (130, "cancelled; nothing was left behind\n")
    assert list(avatars.iterdir()) == []
