"""Real worker processes on a queue, as the supervisor starts them, and what they say over their link."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import av

from appliance.jobs import outputs, uploads
from appliance.jobs.job import Job, State
from appliance.jobs.store import JobStore
from appliance.link import VARIABLE
from appliance.volumes import Volumes

DEADLINE_S: Final = 60.0
SMALL: Final = {"min_resolution": 128, "expand_ratio": 0.0}
"""Options for pictures that cost next to nothing."""


class Queue:
    """The queue of a box, with or without a worker."""

    def __init__(self, root: Path) -> None:
        self.volumes = Volumes(root)
        self.store = JobStore(self.volumes.jobs)
        self._seed = 0

    def upload(self, path: Path) -> str:
        with path.open("rb") as file:
            return uploads.receive(self.volumes, file, path.name, 1 << 30).id

    def render(self, avatar: str | dict[str, str], sound: str, **more: Any) -> Job:
        """Submit a small video, by default one of which the cache knows no part: its seed is its own."""
        self._seed += 1
        options = {**SMALL, "seed": self._seed, **more.pop("options", {})}
        spec = {"avatar": avatar, "audio": {"upload": sound}, "options": options}
        return self.store.submit("render", spec, **more)

    def get(self, job: Job) -> Job:
        return self.store.get(job.id)

    def over(self, job: Job) -> Job:
        until(lambda: self.get(job).finished is not None, f"{job.kind} is over")
        return self.get(job)

    def done(self, job: Job) -> dict[str, Any]:
        """The result of a job that has to be done."""
        after = self.over(job)
        assert (after.state, after.error) == (State.DONE, None)
        return after.result or {}


class Worker:
    """One worker process; `states` has the latest value of every state, `messages` what it logged."""

    def __init__(self, volumes: Volumes) -> None:
        reading, writing = os.pipe()
        self.states: dict[str, dict[str, Any]] = {}
        self.history: list[tuple[str, dict[str, Any]]] = []
        self.messages: list[str] = []
        self.beats = 0
        self.ready = False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "appliance", "--data", str(volumes.root), "worker"],
            pass_fds=[writing],
            env={**os.environ, VARIABLE: str(writing), "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        os.close(writing)
        self._thread = threading.Thread(target=self._listen, args=(reading,), daemon=True)
        self._thread.start()

    def _listen(self, reading: int) -> None:
        with os.fdopen(reading, "rb") as lines:
            for line in lines:
                said = json.loads(line)
                match said["k"]:
                    case "ready":
                        self.ready = True
                    case "beat":
                        self.beats += 1
                    case "log":
                        self.messages.append(said["message"])
                    case "state":
                        self.states[said["name"]] = said["value"]
                        self.history.append((said["name"], said["value"]))

    def state(self, job: Job) -> dict[str, Any]:
        return self.states.get(f"job:{job.id}", {})

    def until_frames(self, job: Job, count: int) -> None:
        """Wait until so many frames of a video are said to be made."""
        until(lambda: self.state(job).get("stage") == "render" and self.state(job)["done"] >= count, "frames are made")

    def end(self, number: int) -> int:
        """Send a signal, and give back what the process ends with."""
        self.process.send_signal(number)
        code = self.process.wait(DEADLINE_S)
        self._thread.join(DEADLINE_S)
        return code


def until(true: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, f"waited {DEADLINE_S:g} s in vain: {what}"
        time.sleep(0.01)


def assert_plays(volumes: Volumes, job: str, frames: int) -> None:
    """The video of a job decodes to its end, and shows and sounds as long as it should."""
    with av.open(str(outputs.video(volumes, job))) as container:
        assert sum(1 for _ in container.decode(video=0)) == frames
    with av.open(str(outputs.video(volumes, job))) as container:
        samples = sum(frame.samples for frame in container.decode(audio=0))
        rate = container.streams.audio[0].rate
        video = container.streams.video[0]
        assert video.average_rate is not None
        assert abs(samples / rate - frames / float(video.average_rate)) < 0.1
    assert outputs.poster(volumes, job).read_bytes()[:2] == b"\xff\xd8"
