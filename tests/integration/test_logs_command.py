"""`mouthpiece logs` beside a running box."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.commands.logs import logs
from tests.integration.supervised import Box, supervised, until

FOLLOW = (
    "import sys; from pathlib import Path;"
    "from appliance.commands.logs import logs; from appliance.volumes import Volumes;"
    "logs(['--follow', '--json', *sys.argv[2:]], obj=Volumes(Path(sys.argv[1])))"
)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with supervised(tmp_path) as box:
        yield box


def test_a_running_box_tells_what_is_not_on_the_disk_yet(box: Box) -> None:
    box.start({"name": "worker", "kind": "good"})
    box.until_state("worker", "ready")
    box.control.ask("log", level="INFO", part="console", message="just now")
    said = CliRunner().invoke(logs, ["--json"], obj=box.volumes, catch_exceptions=False).stdout.splitlines()
    records = [json.loads(line) for line in said]
    assert "just now" in [record["message"] for record in records]
    assert records == box.records()[: len(records)]


def test_following_goes_on_over_a_restart_of_the_box(box: Box) -> None:
    box.start({"name": "worker", "kind": "good"})
    box.until_state("worker", "ready")
    follower = subprocess.Popen(
        [sys.executable, "-c", FOLLOW, str(box.volumes.root), "--part", "supervisor"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert follower.stdout is not None
        heard = []
        for line in follower.stdout:
            heard.append(json.loads(line))
            if heard[-1]["message"] == "worker: ready":
                break
        box.stop()
        box.start({"name": "worker", "kind": "good"})
        box.until_state("worker", "ready")
        for line in follower.stdout:
            heard.append(json.loads(line))
            if heard[-1]["message"] == "worker: ready":
                break
    finally:
        follower.kill()
        follower.communicate()
    mine = until(lambda: box.records(part="supervisor"), "the whole log")
    assert heard == mine[: len(heard)]
    assert sum(one["message"] == "worker: ready" for one in heard) == 2
