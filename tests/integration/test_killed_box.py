"""kill -9 of the whole box, or of any one of its processes, at random instants: nothing is lost, nothing done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import psutil
import pytest

from appliance.control import Control
from appliance.errors import ApplianceError
from tests.integration.box import COMMAND
from tests.integration.killing import Stream
from tests.integration.workers import Queue, until

KILLS: Final = 40
SEED: Final = 41


class Run:
    """`mouthpiece run` on the volumes of a queue, on a free port."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._control = Control(queue.volumes)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        root = str(self._queue.volumes.root)
        command = [COMMAND, "--data", root, "run", "--port", str(self._port)]
        with (self._queue.volumes.root / "run.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    def processes(self) -> dict[str, int]:
        """The process ids of the running box by name; of the supervisor alone while it does not answer."""
        assert self._process is not None
        found = {"supervisor": self._process.pid}
        with contextlib.suppress(ApplianceError, OSError):
            children: list[dict[str, Any]] = self._control.ask("status")["children"]
            found |= {child["name"]: child["pid"] for child in children if child["pid"]}
        return found

    def kill(self, name: str) -> None:
        """kill -9 of one process, if it runs just now; with the supervisor the whole tree has to go."""
        if (pid := self.processes().get(name)) is not None:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
        if name == "supervisor":
            self._gone()

    def stop(self) -> None:
        assert self._process is not None
        # One that was begun a moment ago has no ear for the signal yet, which then simply ends it.
        until(lambda: len(self.processes()) > 1, "the box answers")
        self._process.terminate()
        assert self._process.wait(30) == 0
        self._gone()

    def clean_up(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _gone(self) -> None:
        assert self._process is not None
        self._process.wait()
        until(lambda: not list(self._left()), "no process is left behind")

    def _left(self) -> Iterator[int]:
        root = str(self._queue.volumes.root)
        for process in psutil.process_iter(["cmdline", "status"]):
            if root in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE:
                yield process.pid


@pytest.mark.slow
def test_forty_kills_of_the_box(tmp_path: Path, portrait: Path, speech: Path) -> None:
    random = Random(SEED)  # noqa: S311  not for secrets
    queue = Queue(tmp_path)
    enrolled = queue.store.submit("enroll", {"name": "anna", "upload": queue.upload(portrait)})
    box = Run(queue)
    try:
        box.start()
        queue.done(enrolled)
        stream = Stream(queue, "anna", queue.upload(speech), random)
        for kill in range(KILLS):
            stream.refill()
            stream.until_busy(kill)
            # The instant is what varies: nothing is waited for.
            time.sleep(random.uniform(0, 0.6))
            whole = random.random() < 0.6
            box.kill("supervisor" if whole else random.choice(["worker", "console"]))
            stream.look()
            if whole:
                box.start()
        stream.finish()
        box.stop()
        assert stream.assert_each_was_made_once() > KILLS // 3
    finally:
        box.clean_up()
