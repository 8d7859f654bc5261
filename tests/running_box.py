"""A whole box, started as its owner starts it."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

PASSWORD: Final = "correct horse battery"  # noqa: S105  it guards nothing
_START_S: Final = 120.0
_STOP_S: Final = 30.0


@dataclass(slots=True)
class RunningBox:
    """`root` holds the volumes, `process` is the supervisor, `log` holds what it has printed."""

    root: Path
    port: int
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Until it serves. Also again, after its supervisor was killed."""
        command = [sys.executable, "-m", "appliance", "--data", str(self.root), "run", "--port", str(self.port)]
        with self.log.open("ab") as written:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, env=environment)
        wait_for(lambda: accepts(self.port), self.process, _START_S)


@contextlib.contextmanager
def running_box(root: Path, **environment: str) -> Iterator[RunningBox]:
    """`mouthpiece run` on these volumes, serving, until the block ends; then it must end in order when told to."""
    root.mkdir(parents=True, exist_ok=True)
    box = RunningBox(root, free_port(), root / "box.log", environment)
    try:
        box.start()
        yield box
        box.process.send_signal(signal.SIGTERM)
        assert box.process.wait(_STOP_S) == 0, box.log.read_text()
    finally:
        if box.process.poll() is None:
            box.process.kill()
            box.process.wait()


def accepts(port: int) -> bool:
    """Whether a console answers there."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def wait_for(
    condition: Callable[[], Any], process: subprocess.Popen[bytes] | None = None, seconds: float = 60.0
) -> Any:
    """The first true value of `condition`; `process` must not end meanwhile."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert process is None or process.poll() is None, "the process has ended"
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return value


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
