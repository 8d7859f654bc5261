"""`mouthpiece update` with a simulated RAUC."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from appliance.commands.update import update
from appliance.storage.config import FILE, FILE_SIZE
from appliance.update.history import History
from appliance.volumes import Volumes
from tests.unit.update.rauc_stand_in import SimulatedRauc


def test_what_complains_on_a_box_that_does_not_run_is_not_held_against_the_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SimulatedRauc(monkeypatch)
    volumes, bundle = Volumes(tmp_path / "box"), tmp_path / "bundle"
    bundle.touch()
    volumes.config.mkdir(parents=True)
    (volumes.config / FILE).write_bytes(bytes(FILE_SIZE))
    done = CliRunner().invoke(update, ["install", str(bundle)], obj=volumes, catch_exceptions=False)
    assert "version 9.0.0 is installed" in done.output
    begun = History(volumes).read()[0]
    assert "config" in begun["problems"]
    assert "slot" not in begun["problems"]
