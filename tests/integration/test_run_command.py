"""`mouthpiece run` with the box's real processes, as a person at a terminal uses it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.control import Control
from appliance.volumes import Volumes
from tests.integration.box import COMMAND, Box, assert_refused
from tests.integration.supervised import DEADLINE_S, alive, until

STARTING_S = 90


def free_port() -> int:
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        port: int = end.getsockname()[1]
        return port


class Running:
    """The command on volumes of its own."""

    def __init__(self, root: Path) -> None:
        self.box = Box(root)
        self.port = free_port()
        self.process = subprocess.Popen(
            [COMMAND, "run", "--port", str(self.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.box.environment,
        )
        self.volumes = Volumes(root)
        self.control = Control(self.volumes)

    def pid(self, child: str) -> int | None:
        """The process of a child that is ready."""
        children = {one["name"]: one for one in self.control.ask("status")["children"]}
        return children[child]["pid"] if children[child]["state"] == "ready" else None


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.process.kill()
    running.process.communicate()


def test_the_whole_box_starts_survives_and_stops(running: Running) -> None:
    assert running.process.stdout is not None
    said = running.process.stdout.readline()
    assert said == f"Mouthpiece is at http://127.0.0.1:{running.port}/\n"
    code = (running.volumes.run / "pairing-code").read_text().strip()
    assert code in running.process.stdout.readline()
    with urllib.request.urlopen(f"http://127.0.0.1:{running.port}/healthz", timeout=DEADLINE_S) as answer:
        assert answer.status == 200

    worker = until(lambda: running.pid("worker"), "the worker is ready", STARTING_S)
    console = running.pid("console")
    os.kill(worker, signal.SIGKILL)
    again = until(lambda: (pid := running.pid("worker")) != worker and pid, "the worker is ready again", STARTING_S)
    assert running.pid("console") == console

    assert_refused(running.box.run("run"), "already runs", running.box.root, code=3)

    records = [json.loads(line) for line in running.box.run("logs", "--json").stdout.splitlines()]
    assert any("killed by SIGKILL" in record["message"] for record in records)

    running.process.send_signal(signal.SIGINT)
    rest, complaints = running.process.communicate(timeout=DEADLINE_S)
    assert (running.process.returncode, rest) == (0, "")
    assert "Traceback" not in complaints
    assert not alive(again)
    assert not alive(console or 0)
    last = json.loads(running.box.run("logs", "--json", "--limit", "1").stdout)
    assert last["message"].startswith("console: off")


def test_a_box_whose_terminal_is_gone_goes_on(running: Running) -> None:
    assert running.process.stdout is not None
    assert running.process.stderr is not None
    running.process.stdout.close()
    running.process.stderr.close()
    worker = until(lambda: running.pid("worker"), "the worker is ready", STARTING_S)
    os.kill(worker, signal.SIGKILL)
    until(lambda: (pid := running.pid("worker")) != worker and pid, "the worker is ready again", STARTING_S)
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(DEADLINE_S)


def test_every_check_has_an_answer(running: Running) -> None:
    until(lambda: running.pid("worker") and running.pid("console"), "all are ready", STARTING_S)
    findings = running.control.ask("check")["findings"]
    names = [finding["check"] for finding in findings]
    for expected in (
        "volumes",
        "disk space",
        "wear",
        "temperature",
        "clock",
        "models",
        "microphone",
        "last boot",
        "slot",
    ):
        assert names.count(expected) == 1, expected
    assert all(finding["fix"] for finding in findings if finding["status"] != "ok")
    assert running.control.ask("fix", check="volumes")["message"]
    assert "old videos" in running.control.ask("fix", check="disk space")["message"]
