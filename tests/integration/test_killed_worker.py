"""kill -9 of the worker at random instants, over and over: no job is lost, none is done twice, every video plays.

The workers are forked from a process that has loaded what they need, so that the kills meet work and not imports.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random
from typing import Final

import pytest

from tests.integration.killing import Stream
from tests.integration.workers import Queue

KILLS: Final = 160
SEED: Final = 20261121

NURSERY: Final = """
import os, sys
from pathlib import Path
from appliance.jobs.worker import Worker
from appliance.link import Link
from appliance.pipeline import enroll, model, motion, mux, painter, rig, scene
from appliance.settings import Settings
from appliance.volumes import Volumes
import av, onnxruntime
# More videos are made than a box keeps; here every one has to stay.
settings = Settings(keep_free_gb=0, keep_outputs_count=100_000)
for _ in sys.stdin:
    child = os.fork()
    if child == 0:
        sys.stdin.close()
        Worker(Volumes(Path(sys.argv[1])), Link(None), lambda: settings).run()
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Nursery:
    """Starts one worker after the other."""

    def __init__(self, root: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self) -> int:
        """The process id of a new worker."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._read()

    def kill(self, worker: int, number: int) -> int:
        """Send a signal, and give back the status with which the worker ended."""
        os.kill(worker, number)
        return self._read()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())


@pytest.mark.slow
def test_a_hundred_and_sixty_kills_of_the_worker(tmp_path: Path, portrait: Path, speech: Path) -> None:
    random = Random(SEED)  # noqa: S311  not for secrets
    queue = Queue(tmp_path)
    enrolled = queue.store.submit("enroll", {"name": "anna", "upload": queue.upload(portrait)})
    nursery = Nursery(tmp_path)
    try:
        worker = nursery.start()
        queue.done(enrolled)
        assert nursery.kill(worker, signal.SIGTERM) == 0
        stream = Stream(queue, "anna", queue.upload(speech), random)
        for kill in range(KILLS):
            stream.refill()
            worker = nursery.start()
            stream.until_busy(kill)
            # The instant is what varies: nothing is waited for.
            time.sleep(random.uniform(0, 0.4))
            assert nursery.kill(worker, signal.SIGKILL) == signal.SIGKILL
            stream.look()
        worker = nursery.start()
        stream.finish()
        assert nursery.kill(worker, signal.SIGTERM) == 0
        assert stream.assert_each_was_made_once() > KILLS // 3
    finally:
        nursery.close()
