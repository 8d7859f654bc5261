from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.findings import Status
from appliance.supervisor.boot import NAME, BootMarker, Ended, LastRun
from appliance.supervisor.health import last_boot


@pytest.fixture
def system(tmp_path: Path) -> Path:
    """A root that shows one boot id, as the kernel's would after a power cut."""
    path = tmp_path / "system" / "proc/sys/kernel/random/boot_id"
    path.parent.mkdir(parents=True)
    path.write_text("11111111-2222\n")
    return tmp_path / "system"


def rebooted(system: Path) -> None:
    (system / "proc/sys/kernel/random/boot_id").write_text("33333333-4444\n")


def test_the_first_run_then_a_clean_one(tmp_path: Path, system: Path) -> None:
    marker = BootMarker(tmp_path, system)
    assert marker.begin("1.0") == LastRun(Ended.FIRST)
    assert json.loads((tmp_path / NAME).read_text())["ended"] is None
    marker.end(Ended.CLEAN)
    last = BootMarker(tmp_path, system).begin("1.0")
    assert last.ended == Ended.CLEAN
    assert last.started is not None


def test_a_run_that_left_no_end_was_killed_or_cut_off(tmp_path: Path, system: Path) -> None:
    BootMarker(tmp_path, system).begin("1.0")
    assert BootMarker(tmp_path, system).begin("1.0").ended == Ended.KILLED
    rebooted(system)
    assert BootMarker(tmp_path, system).begin("1.0").ended == Ended.CUT


def test_a_power_failure_that_was_saved_in_time(tmp_path: Path, system: Path) -> None:
    marker = BootMarker(tmp_path, system)
    marker.begin("1.0")
    marker.end(Ended.POWER_FAIL)
    rebooted(system)
    assert BootMarker(tmp_path, system).begin("1.0").ended == Ended.POWER_FAIL


@pytest.mark.parametrize(("status", "ended"), [("32", Ended.WATCHDOG), ("0", Ended.CUT), ("", Ended.CUT)])
def test_the_reset_of_a_simulated_watchdog(tmp_path: Path, system: Path, status: str, ended: Ended) -> None:
    BootMarker(tmp_path, system).begin("1.0")
    rebooted(system)
    watchdog = system / "sys/class/watchdog/watchdog0"
    watchdog.mkdir(parents=True)
    (watchdog / "bootstatus").write_text(status)
    assert BootMarker(tmp_path, system).begin("1.0").ended == ended


def test_a_kernel_crash_left_in_a_simulated_pstore(tmp_path: Path, system: Path) -> None:
    BootMarker(tmp_path, system).begin("1.0")
    rebooted(system)
    (system / "sys/fs/pstore").mkdir(parents=True)
    (system / "sys/fs/pstore/dmesg-ramoops-0").write_text("Oops")
    assert BootMarker(tmp_path, system).begin("1.0").ended == Ended.PANIC


@pytest.mark.parametrize("garbage", [b"", b"{", b"[]", b"null", b'{"ended": null}', b"\xff\xfe"])
def test_a_damaged_marker_counts_as_a_cut_and_is_replaced(tmp_path: Path, system: Path, garbage: bytes) -> None:
    (tmp_path / NAME).write_bytes(garbage)
    assert BootMarker(tmp_path, system).begin("1.0").ended == Ended.CUT
    assert BootMarker(tmp_path, system).begin("1.0").ended == Ended.KILLED


def test_the_finding_asks_for_nothing_after_a_good_end() -> None:
    for ended in Ended:
        (finding,) = last_boot.check(LastRun(ended, 1_800_000_000.0))
        good = ended in (Ended.FIRST, Ended.CLEAN, Ended.POWER_FAIL)
        assert finding.status == (Status.OK if good else Status.WARNING)
        assert bool(finding.fix) == (not good)
        assert "2027-01-15" in finding.message
