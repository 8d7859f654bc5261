"""The boot order of a board whose firmware keeps it in variables of its own."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from appliance.console.recovery import happened
from appliance.console.recovery.order import FirmwareOrder
from appliance.console.recovery.volumes import BoxVolumes
from appliance.update import rauc
from appliance.volumes import Volumes
from tests.recovery_box import LAYOUT
from tests.unit.update.rauc_stand_in import SimulatedRauc


@pytest.fixture
def simulated(monkeypatch: pytest.MonkeyPatch) -> SimulatedRauc:
    found = SimulatedRauc(monkeypatch)
    monkeypatch.setattr(rauc, "system", lambda **_: found.now)
    return found


def test_both_systems_get_their_attempts_again_with_simulated_rauc(simulated: SimulatedRauc) -> None:
    simulated.spoil("rootfs.0")
    assert (FirmwareOrder().look().state, FirmwareOrder().look().message) == ("ok", "first A; A: bad, B: good")
    simulated.spoil("rootfs.1")
    assert FirmwareOrder().look().state == "warning"
    FirmwareOrder().format()
    assert simulated.marked == [("good", "rootfs.0"), ("good", "rootfs.1"), ("active", "rootfs.0")]


def test_it_says_that_nobody_answers() -> None:
    """No RAUC is on this machine's bus for us, or no bus at all."""
    look = FirmwareOrder().look()
    assert (look.state, look.can_format) == ("problem", False)


@pytest.mark.parametrize("environment", [True, False])
def test_a_board_without_u_boots_environment_has_it(tmp_path: Path, environment: bool) -> None:
    layout = dataclasses.replace(LAYOUT, environment=environment)
    order = BoxVolumes(layout, Volumes(tmp_path)).named("env")
    assert isinstance(order, FirmwareOrder) is not environment


@pytest.mark.parametrize(
    ("line", "file", "reason"),
    [
        ("quiet mouthpiece.recovery=no-slot", None, "no-slot"),
        ("quiet", "asked\n", "asked"),
        ("quiet", "", ""),
        ("quiet", "what nobody knows\n", ""),
        ("quiet", None, ""),
    ],
)
def test_why_recovery_runs(tmp_path: Path, line: str, file: str | None, reason: str) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "run/mouthpiece").mkdir(parents=True)
    (tmp_path / "proc/cmdline").write_text(line)
    if file is not None:
        (tmp_path / "run/mouthpiece/reason").write_text(file)
    assert happened.reason(tmp_path) == reason
