"""A whole box, started as its owner starts it, and a browser before it: Debian's Chromium."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
from playwright.sync_api import Browser, sync_playwright

from appliance.pipeline.demo import draw_demo

PASSWORD: Final = "correct horse battery"  # noqa: S105  it guards nothing
CHROMIUM: Final = Path("/usr/bin/chromium")
_START_S: Final = 120.0
_STOP_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class RunningBox:
    """`root` holds the volumes, `process` is the supervisor, `said` what it has printed so far."""

    root: Path
    url: str
    process: subprocess.Popen[str]
    said: list[str]


@contextlib.contextmanager
def running_box(root: Path, **environment: str) -> Iterator[RunningBox]:
    """`mouthpiece run` on these volumes, until the block ends; then it is stopped in order."""
    port = _free_port()
    command = [sys.executable, "-m", "appliance", "--data", str(root), "run", "--port", str(port)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
    )
    box = RunningBox(root, f"http://127.0.0.1:{port}", process, [])
    serving = threading.Event()
    reader = threading.Thread(target=_listen, args=(box, serving), daemon=True)
    reader.start()
    try:
        if not serving.wait(_START_S) or process.poll() is not None:
            raise AssertionError("the box does not serve:\n" + "".join(box.said))
        yield box
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        reader.join(_STOP_S)


def _listen(box: RunningBox, serving: threading.Event) -> None:
    assert box.process.stdout is not None
    for line in box.process.stdout:
        box.said.append(line)
        if line.startswith("Mouthpiece is at"):
            serving.set()
    serving.set()  # it has ended


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def chromium(*arguments: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage", *arguments]
        )
        try:
            yield browser
        finally:
            browser.close()


def face(path: Path, size: int = 640) -> Path:
    """A picture of a face, as somebody would upload it."""
    cv2.imwrite(str(path), cv2.resize(draw_demo()[0], (size, size), interpolation=cv2.INTER_AREA))
    return path
