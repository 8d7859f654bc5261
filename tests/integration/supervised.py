"""A supervisor in a process of its own, over small children that behave as they are told."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from appliance.control import Control, NotRunningError
from appliance.volumes import Volumes

CHILD = """
import faulthandler, os, signal, subprocess, sys, time
from pathlib import Path
from appliance.link import Link
kind, folder = sys.argv[1], Path(sys.argv[2])
with open(folder / f"{kind}.starts", "a") as file:
    file.write(f"{os.getpid()}\\n")
link = Link.from_environment()
stopping = []
def note(number, frame):
    stopping.append(number)
    with open(folder / "order", "a") as file:
        file.write(f"{kind} {signal.Signals(number).name}\\n")
signal.signal(signal.SIGTERM, note)
signal.signal(signal.SIGPWR, note)
if kind == "crash":
    sys.exit(7)
if kind == "never":
    time.sleep(3600)
if kind == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if kind == "parent":
    subprocess.Popen(["sleep", "3600"])
if kind == "printer":
    print("on standard output", flush=True)
    sys.stderr.write("Traceback (most recent call last):\\n  first\\n  second\\n")
    sys.stderr.flush()
    sys.stderr.write("half a line")
    sys.stderr.flush()
if kind == "flood":
    for _ in range(100):
        print("x" * 20_000, flush=True)
link.ready()
link.log("INFO", kind, "serves", pid=os.getpid())
link.state(f"state of {kind}", {"pid": os.getpid()})
count = said = 0
while not stopping:
    if not (kind == "silent" and count > 2):
        link.beat()
    if kind == "chatty":
        for number in range(said, said + 60):
            link.log("INFO", kind, f"line {number + 1}")
        said += 60
    count += 1
    time.sleep(0.05)
link.log("INFO", kind, "ends in order")
"""

SUPERVISOR = """
import json, sys
from pathlib import Path
from appliance.supervisor.backoff import Policy
from appliance.supervisor.spec import ChildSpec
from appliance.supervisor.plan import Injected, Plan
from appliance.supervisor.supervisor import Supervisor
from appliance.volumes import Volumes
root, program, given = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
def spec(name, kind, **changes):
    settings = {"ready_s": 10, "beat_s": 5, "stop_s": 2} | changes
    return ChildSpec(name, (sys.executable, program, kind, str(root)), **settings)
plan = Plan(tuple(spec(**one) for one in given["children"]), log_level=given.get("log_level", "INFO"))
if given.get("immortal"):
    from appliance.supervisor.process import Process
    Process.signal = lambda *_: None
injected = Injected(serving=lambda name: print("serving", name, flush=True))
Supervisor(Volumes(root), lambda: plan, injected, Policy(**given.get("policy", {}))).run()
"""

DEADLINE_S = 30.0


def until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S) -> Any:
    """Wait until `condition` gives something true, and return it."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError, NotRunningError):
            if found := condition():
                return found
        time.sleep(0.02)
    raise AssertionError(f"waited {deadline_s:g} s in vain: {what}")


class Box:
    """One supervisor after the other on the same volumes."""

    def __init__(self, root: Path) -> None:
        self.volumes = Volumes(root)
        self.control = Control(self.volumes)
        self.process: subprocess.Popen[str] | None = None
        self._program = root / "child.py"
        self._program.write_text(CHILD)

    def start(self, *children: dict[str, Any], env: dict[str, str] | None = None, nice: int = 0, **given: Any) -> None:
        """Start it with children, each a dictionary for ChildSpec with a "kind" that says how the child behaves."""
        self.process = subprocess.Popen(
            [
                "nice",
                f"--adjustment={nice}",
                sys.executable,
                "-c",
                SUPERVISOR,
                str(self.volumes.root),
                str(self._program),
                json.dumps({"children": children, **given}),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **(env or {})},
        )
        pid = self.process.pid
        until(lambda: self.status()["pid"] == pid, "the supervisor answers")

    def child(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = next(one for one in self.status()["children"] if one["name"] == name)
        return found

    def status(self) -> dict[str, Any]:
        return self.control.ask("status")

    def until_state(self, name: str, state: str) -> dict[str, Any]:
        found: dict[str, Any] = until(
            lambda: child if (child := self.child(name))["state"] == state else None, f"{name} is {state}"
        )
        return found

    def starts(self, kind: str) -> list[int]:
        """The process ids under which children of that kind were started."""
        path = self.volumes.root / f"{kind}.starts"
        return [int(pid) for pid in path.read_text().split()] if path.exists() else []

    def records(self, **wanted: Any) -> list[dict[str, Any]]:
        return [line["record"] for line in self.control.stream("logs", timeout_s=10, **wanted)]

    def messages(self, **wanted: Any) -> list[str]:
        return [record["message"] for record in self.records(**wanted)]

    def stop(self, number: signal.Signals = signal.SIGTERM) -> str:
        """Stop it; returns what it printed."""
        assert self.process is not None
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=DEADLINE_S)
        return said


@contextlib.contextmanager
def supervised(root: Path) -> Iterator[Box]:
    """A box on `root`; nothing of it runs afterwards."""
    box = Box(root)
    try:
        yield box
    finally:
        if box.process is not None:
            box.process.kill()
            box.process.communicate()


def alive(pid: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
