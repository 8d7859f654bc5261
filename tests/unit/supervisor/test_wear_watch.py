"""What the watcher of wear keeps, with a NAND of files written by hand and a clock that a test moves."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage import wear_history
from appliance.storage.wear_history import DAY_S, EVERY_S
from appliance.supervisor.wear_watch import WearWatch
from appliance.volumes import Volumes
from tests import nand_trees

NOW = 1_790_000_000.75


@pytest.mark.parametrize("wrong", [NOW + 20 * 365 * DAY_S, NOW - 20 * 365 * DAY_S])
def test_a_clock_that_was_wrong_neither_ends_the_history_nor_is_recorded_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: float
) -> None:
    volumes = Volumes(tmp_path / "box")
    volumes.state.mkdir(parents=True)
    nand_trees.ubi(tmp_path)
    watcher = WearWatch(volumes, tmp_path)
    file = wear_history.path(volumes)
    lines = []
    for now in (
        NOW,
        NOW + 0.1,
        NOW + EVERY_S,
        wrong,
        wrong + 300,
        NOW + 2 * EVERY_S,
        NOW + 2 * EVERY_S + 300,
        NOW + 3 * EVERY_S,
    ):
        monkeypatch.setattr("time.time", lambda now=now: now)
        watcher.look()
        lines.append(len(file.read_bytes().splitlines()))
    assert lines == [1, 1, 2, 3, 3, 4, 4, 5]
    assert [sample.time for sample in wear_history.read(file)] == [NOW - 0.75 + hour * EVERY_S for hour in range(4)]
