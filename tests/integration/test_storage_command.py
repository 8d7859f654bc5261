"""`mouthpiece storage` beside a running supervisor, without one, and on dumps; the flash of the box is simulated."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from click.testing import CliRunner, Result

from appliance.commands.storage import storage
from appliance.control import Control
from appliance.errors import InputError
from appliance.storage import wear_history
from appliance.volumes import Volumes
from tests import nand_dumps, nand_trees
from tests.integration.supervised import DEADLINE_S, until
from tests.nand_dumps import BAD, SPARE, dump, used

CHILD = """
import os, signal, sys, time
from appliance.link import Link
link = Link.from_environment()
stopping = []
signal.signal(signal.SIGTERM, lambda *_: stopping.append(1))
link.ready()
with open(sys.argv[1], "wb") as file:
    file.write(b"x" * 3_000_000)
    os.fsync(file.fileno())
while not stopping:
    link.beat()
    time.sleep(0.05)
"""
SUPERVISOR = """
import sys
from pathlib import Path
from appliance.supervisor import wear_watch
from appliance.supervisor.plan import Injected, Plan
from appliance.supervisor.spec import ChildSpec
from appliance.supervisor.supervisor import Supervisor
from appliance.volumes import Volumes
volumes, kernel, program = Volumes(Path(sys.argv[1])), Path(sys.argv[2]), sys.argv[3]
wear_watch.EVERY_S = 0.3
child = ChildSpec("worker", (sys.executable, "-c", program, str(volumes.root / "written")), ready_s=20, stop_s=2)
watch = wear_watch.WearWatch(volumes, kernel).watch
Supervisor(volumes, lambda: Plan((child,)), Injected(watchers=[watch])).run()
"""


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A simulated NAND; processes are the real ones."""
    root = tmp_path / "kernel"
    nand_trees.ubi(root, [40 + number % 5 for number in range(1000)] + [None] * 24)
    (root / "proc").symlink_to("/proc")
    return root


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    found = Volumes(tmp_path / "box")
    for folder in (found.state, found.data):
        folder.mkdir(parents=True)
    return found


@contextlib.contextmanager
def running(volumes: Volumes, kernel: Path) -> Iterator[None]:
    command = [sys.executable, "-c", SUPERVISOR, str(volumes.root), str(kernel), CHILD]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def run(volumes: Volumes, *arguments: str | Path) -> Result:
    return CliRunner().invoke(storage, [*map(str, arguments)], obj=volumes)


def told(volumes: Volumes) -> dict[str, Any]:
    done = run(volumes, "status", "--json")
    assert done.exit_code == 0, done.output
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def test_a_running_box_tells_the_wear_of_its_simulated_nand_and_who_writes(volumes: Volumes, kernel: Path) -> None:
    def written() -> dict[str, Any] | None:
        state: dict[str, Any] = Control(volumes).ask("status")["states"].get("storage") or {}
        writers = {writer["name"]: writer["bytes"] for writer in state.get("writers", [])}
        return state if writers.get("worker", 0) >= 3_000_000 else None

    with running(volumes, kernel):
        until(written, "the worker's bytes are counted")
        report = told(volumes)
        said = run(volumes, "status").stdout
    (nand,) = report["nand"]
    assert (nand["mean_erases"], nand["bad_blocks"], nand["forecast"]["basis"]) == (42, 24, "nominal")
    assert report["writers"][0]["name"] == "worker"
    assert "ubi0 (nand): about 10 years left" in said
    assert "by the nominal load" in said
    assert "written by worker: 3" in said
    # However often it looked, it wrote once.
    assert len(wear_history.read(wear_history.path(volumes))) == 1
    assert wear_history.path(volumes).stat().st_size < 200


def test_the_history_goes_on_over_a_restart(volumes: Volumes, kernel: Path) -> None:
    past = wear_history.Sample(1_700_000_000, {"ubi0.erases": 1000})
    wear_history.record(wear_history.path(volumes), past)
    with running(volumes, kernel):
        until(lambda: Control(volumes).ask("status")["states"].get("storage"), "the state is published")
    first, second = wear_history.read(wear_history.path(volumes))
    assert first == past
    assert second.counters["ubi0.erases"] == 42_000


def test_without_a_supervisor_the_command_looks_itself(volumes: Volumes) -> None:
    report = told(volumes)
    assert report["writers"] == []
    assert "state" in [place["volume"] for place in report["places"]]
    assert "volume state: " in run(volumes, "status").stdout


@pytest.fixture
def chip(tmp_path: Path) -> Path:
    if why := nand_dumps.missing():
        pytest.skip(why)
    counts: list[int | str] = [5, 5, 900, BAD, 17, 17, 5, 900, 30000, 5, BAD, 17]
    return dump(tmp_path / "chip.bin", used(tmp_path, counts), spare=SPARE)


def test_the_wear_of_a_dump_is_told_for_scripts_and_people(volumes: Volumes, chip: Path) -> None:
    report = json.loads(run(volumes, "report", chip, "--json").stdout)
    assert (report["blocks"], report["counted"], report["bad"]) == (12, 10, [3, 10])
    assert (report["min_erases"], report["max_erases"]) == (5, 30000)
    assert sum(blocks for _, _, blocks in report["histogram"]) == 10
    assert report["map"]["cells"][3] is None
    said = run(volumes, "report", chip).stdout
    assert "12 blocks of 128 KiB, pages of 2048 and 64 spare bytes" in said
    assert "10 blocks with a counter, 2 bad, 0 blank, 0 damaged" in said


def test_the_wear_of_a_dump_is_drawn(volumes: Volumes, chip: Path, tmp_path: Path) -> None:
    out = tmp_path / "wear.png"
    assert run(volumes, "report", chip, "--out", out).exit_code == 0
    picture = cv2.imread(str(out))
    assert picture is not None
    assert picture.shape[1] == 1200
    red = (picture[:, :, 2] > 150) & (picture[:, :, 1] < 60) & (picture[:, :, 0] < 60)
    assert red.sum() == 2 * 15 * 15  # two bad blocks


@pytest.mark.parametrize(
    "arguments", [("nothing.bin",), ("chip.bin", "--out", "wear.jpg"), ("chip.bin", "--out", "no/wear.png")]
)
def test_what_cannot_be_read_or_written_is_said(
    volumes: Volumes, chip: Path, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(chip.parent)
    done = run(volumes, "report", *arguments)
    assert isinstance(done.exception, InputError)
    assert done.exception.hint
    assert not list(chip.parent.glob("*.jpg"))
