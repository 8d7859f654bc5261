"""What the health checks say of the slot, with a simulated RAUC."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.findings import Finding, Status
from appliance.update import checks
from appliance.update import rauc as rauc_service
from appliance.update.history import BEGUN, INSTALLED, ROLLED_BACK, History
from appliance.volumes import Volumes
from tests.unit.update.rauc_stand_in import SimulatedRauc

CHECKOUT = Path(__file__).parents[3]
GENERATED = CHECKOUT / "boot/generated"
TIMER = CHECKOUT / "rootfs-overlay/usr/lib/systemd/system/mouthpiece-dead-man.timer"


@pytest.fixture
def rauc(monkeypatch: pytest.MonkeyPatch) -> SimulatedRauc:
    return SimulatedRauc(monkeypatch)


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A root with what tells RAUC of its slots; the boot loader, as a Jetson's, tells the kernel of none."""
    slots = GENERATED / "jetson-orin-nano/system.conf"
    (tmp_path / "etc/rauc").mkdir(parents=True)
    (tmp_path / "etc/rauc/system.conf").write_text(slots.read_text())
    return tmp_path


def only(root: Path) -> Finding:
    (found,) = checks.check(Volumes(root), root)
    return found


def test_the_timer_that_reboots_goes_by_the_same_file(system: Path) -> None:
    lines = TIMER.read_text().splitlines()
    (condition,) = [line for line in lines if line.startswith("Condition")]
    name, _, path = condition.partition("=/")
    assert name == "ConditionPathExists"
    assert rauc_service.is_expected(system)
    (system / path).unlink()
    assert not rauc_service.is_expected(system)


def test_a_system_without_slots(tmp_path: Path) -> None:
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
