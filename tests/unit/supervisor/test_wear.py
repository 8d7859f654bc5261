"""No flash here tells its wear, so sysfs is written by hand, in the words of a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.findings import Finding, Status
from appliance.supervisor.health import wear


def ubi(root: Path, **values: int) -> None:
    device = root / "sys/class/ubi/ubi0"
    device.mkdir(parents=True)
    (root / "sys/class/ubi/ubi0_0").mkdir()
    (root / "sys/class/ubi/version").write_text("1\n")
    for name, value in {"max_ec": 12, "bad_peb_count": 3, "reserved_for_bad": 37, "ro_mode": 0, **values}.items():
        (device / name).write_text(f"{value}\n")


def emmc(root: Path, life_time: str, pre_eol_info: str = "0x01") -> None:
    card = root / "sys/bus/mmc/devices/mmc0:0001"
    card.mkdir(parents=True)
    (card / "life_time").write_text(f"{life_time}\n")
    (card / "pre_eol_info").write_text(f"{pre_eol_info}\n")


def only(root: Path) -> Finding:
    (found,) = wear.check(root, rated_cycles=1000)
    assert bool(found.fix) == (found.status != Status.OK)
    return found


def test_a_machine_without_flash(tmp_path: Path) -> None:
    assert only(tmp_path).message == "no flash here that tells its wear"


@pytest.mark.parametrize(
    ("values", "status"),
    [
        ({}, Status.OK),
        ({"max_ec": 799}, Status.OK),
        ({"max_ec": 800}, Status.WARNING),
        ({"max_ec": 1000}, Status.PROBLEM),
        ({"reserved_for_bad": 3}, Status.WARNING),
        ({"ro_mode": 1}, Status.PROBLEM),
    ],
)
def test_a_simulated_nand(tmp_path: Path, values: dict[str, int], status: Status) -> None:
    ubi(tmp_path, **values)
    found = only(tmp_path)
    assert found.status == status
    assert "3 bad blocks" in found.message
    if values.get("ro_mode"):
        assert "read-only" in found.message


@pytest.mark.parametrize(
    ("life_time", "pre_eol", "status", "words"),
    [
        ("0x01 0x02", "0x01", Status.OK, "10..20 %"),
        ("0x00 0x00", "0x01", Status.OK, "tells no wear"),
        ("0x09 0x01", "0x01", Status.WARNING, "80..90 %"),
        ("0x0b 0x01", "0x01", Status.PROBLEM, "used up"),
        ("0x02 0x02", "0x02", Status.WARNING, "80 % of its reserve"),
        ("0x0b 0x0b", "0x03", Status.PROBLEM, "used up"),
    ],
)
def test_a_simulated_emmc(tmp_path: Path, life_time: str, pre_eol: str, status: Status, words: str) -> None:
    emmc(tmp_path, life_time, pre_eol)
    found = only(tmp_path)
    assert found.status == status
    assert words in found.message


def test_both_are_told(tmp_path: Path) -> None:
    ubi(tmp_path)
    emmc(tmp_path, "0x01 0x01")
    assert len(list(wear.check(tmp_path))) == 2
