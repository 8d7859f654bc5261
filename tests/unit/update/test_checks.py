"""What the health checks say of the slot, with a simulated RAUC."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.findings import Finding, Status
from appliance.update import checks
from appliance.update.history import BEGUN, INSTALLED, ROLLED_BACK, History
from appliance.volumes import Volumes
from tests.unit.update.rauc_stand_in import SimulatedRauc


@pytest.fixture
def rauc(monkeypatch: pytest.MonkeyPatch) -> SimulatedRauc:
    return SimulatedRauc(monkeypatch)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A root with a kernel command line."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cmdline").write_text("console=ttyS2 root=/dev/mmcblk0p2 rauc.slot=A\n")
    return tmp_path


def only(root: Path) -> Finding:
    (found,) = checks.check(Volumes(root), root)
    return found


def test_a_system_without_slots(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cmdline").write_text("root=/dev/sda1 quiet\n")
    assert only(tmp_path) == Finding("slot", Status.OK, "this system has no slots")


@pytest.mark.usefixtures("rauc")
def test_a_good_slot_by_a_simulated_rauc(system: Path) -> None:
    assert only(system) == Finding("slot", Status.OK, "rootfs.0 is marked good")


def test_a_slot_that_is_not_good_by_a_simulated_rauc(system: Path, rauc: SimulatedRauc) -> None:
    rauc.spoil("rootfs.0")
    found = only(system)
    assert found.status == Status.WARNING
    assert "after its last boot attempt the other slot is booted" in found.message
    assert "mark-good" in found.fix


def test_a_slot_on_trial_by_a_simulated_rauc(system: Path, rauc: SimulatedRauc) -> None:
    history = History(Volumes(system))
    history.add(BEGUN, "9.0.0", "rootfs.1")
    history.add(INSTALLED, "9.0.0", "rootfs.1")
    assert only(system).status == Status.OK, "before the reboot"
    rauc.boot("rootfs.1")
    assert only(system).message.startswith("version 9.0.0 has to prove itself")


@pytest.mark.usefixtures("rauc")
def test_an_update_that_was_rolled_back_by_a_simulated_rauc(system: Path) -> None:
    History(Volumes(system)).add(ROLLED_BACK, "9.0.0", "rootfs.1", reason="worker: broken")
    found = only(system)
    assert (found.status, found.message) == (Status.WARNING, "version 9.0.0 was rolled back: worker: broken")
