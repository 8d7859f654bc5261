"""RAUC is not here, so a script of that name answers as RAUC 1.15 does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from appliance.findings import Finding, Status
from appliance.supervisor.health import slot


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A root with a kernel command line."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cmdline").write_text("console=ttyS2 root=/dev/mmcblk0p2 rauc.slot=A\n")
    return tmp_path


def rauc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, boot_status: str, code: int = 0) -> Path:
    status = {
        "compatible": "rock-5b",
        "booted": "A",
        "slots": [
            {"rootfs.1": {"class": "rootfs", "bootname": "B", "device": "/dev/b", "boot_status": "bad"}},
            {"rootfs.0": {"class": "rootfs", "bootname": "A", "device": "/dev/a", "boot_status": boot_status}},
        ],
    }
    program = tmp_path / "bin" / "rauc"
    program.parent.mkdir()
    answer = f"cat <<'EOF'\n{json.dumps(status)}\nEOF" if code == 0 else "echo no D-Bus >&2"
    program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\n{answer}\nexit {code}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return tmp_path / "asked"


def only(root: Path) -> Finding:
    (found,) = slot.check(root)
    return found


def test_a_system_without_slots(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cmdline").write_text("root=/dev/sda1 quiet\n")
    assert only(tmp_path) == Finding("slot", Status.OK, "this system has no slots")


def test_a_good_slot_by_a_simulated_rauc(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rauc(system, monkeypatch, "good")
    assert only(system).status == Status.OK


def test_a_slot_on_trial_by_a_simulated_rauc(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = rauc(system, monkeypatch, "bad")
    found = only(system)
    assert found.status == Status.WARNING
    assert "mark-good" in found.fix
    assert slot.fixup().run() == "the slot was marked good"
    assert asked.read_text().splitlines()[-1] == "status mark-good booted"


def test_a_simulated_rauc_that_fails(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rauc(system, monkeypatch, "good", code=1)
    with pytest.raises(UnhealthyError, match="no D-Bus"):
        only(system)


def test_no_rauc_although_the_system_has_slots(system: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(system))
    with pytest.raises(UnhealthyError, match="does not answer"):
        only(system)
