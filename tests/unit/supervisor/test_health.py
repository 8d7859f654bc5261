from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from appliance.errors import UnhealthyError
from appliance.findings import Check, Finding, Status
from appliance.supervisor.health import (
    checks,
    clock,
    disk_space,
    examine,
    python_version,
    report,
    stand_ins,
    volumes_writable,
)
from appliance.volumes import Volumes


@pytest.fixture
def box(tmp_path: Path) -> Volumes:
    volumes = Volumes(tmp_path)
    for path in (volumes.config, volumes.state, volumes.cache, volumes.data):
        path.mkdir(parents=True)
    return volumes


def one(findings: Iterator[Finding]) -> Finding:
    (finding,) = findings
    return finding


def test_this_box_passes_its_own_checks(box: Volumes) -> None:
    findings = examine(checks(box))
    assert {finding.check for finding in findings} == {"python", "clock", "volumes", "disk space", "wear"}
    assert [finding for finding in findings if finding.status == Status.PROBLEM] == []


def test_no_two_checks_have_the_same_name(box: Volumes) -> None:
    """Of two, the supervisor would run one."""
    names = [check.name for check in checks(box)]
    assert len(names) == len(set(names))


def test_checks_leave_no_trace(box: Volumes) -> None:
    before = sorted(box.root.rglob("*"))
    examine(checks(box))
    assert sorted(box.root.rglob("*")) == before


def test_without_writing_a_file_in_the_way_is_still_seen(box: Volumes) -> None:
    assert one(volumes_writable.check(box, by_writing=False)).status == Status.OK
    box.cache.rmdir()
    box.cache.write_text("a file")
    assert one(volumes_writable.check(box, by_writing=False)).status == Status.PROBLEM


def test_the_fixup_makes_the_directories_that_are_missing(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    fixup = volumes_writable.fixup(volumes)
    assert str(volumes.config) in fixup.run()
    assert all(path.is_dir() for path in (volumes.data, volumes.cache, volumes.state, volumes.config))
    assert fixup.run() == "no directory was missing"


def test_a_box_that_was_never_used_is_healthy_and_stays_unmade(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "not" / "yet")
    assert report.exit_code(examine(checks(volumes))) == 0
    assert not volumes.root.exists()


def test_an_error_of_a_check_becomes_a_problem_with_its_hint() -> None:
    def fail() -> list[Finding]:
        raise UnhealthyError("the model is damaged", hint="run `make setup`")

    (finding,) = examine([Check("models", fail)])
    assert finding == Finding("models", Status.PROBLEM, "the model is damaged", "run `make setup`")


def test_a_check_that_crashes_is_reported_and_the_next_still_runs() -> None:
    def crash() -> Iterator[Finding]:
        yield Finding("first", Status.OK, "fine")
        raise ZeroDivisionError("by zero")

    findings = examine([Check("first", crash), Check("second", lambda: [Finding("second", Status.OK, "fine")])])
    assert [(finding.check, finding.status) for finding in findings] == [
        ("first", Status.OK),
        ("first", Status.PROBLEM),
        ("second", Status.OK),
    ]
    assert "ZeroDivisionError: by zero" in findings[1].message


@pytest.mark.parametrize(
    ("version", "status"),
    [((3, 10), Status.PROBLEM), ((3, 11), Status.OK), ((3, 14), Status.OK), ((3, 15), Status.WARNING)],
)
def test_python_version(version: tuple[int, int], status: Status) -> None:
    finding = one(python_version.check(version))
    assert finding.status == status
    assert bool(finding.fix) == (status != Status.OK)


def test_a_clock_in_1970_is_a_problem(box: Volumes) -> None:
    finding = one(clock.check(box, now_s=86_400.0))
    assert finding.status == Status.PROBLEM
    assert "1970-01-02" in finding.message
    assert "timedatectl" in finding.fix


def test_a_clock_that_went_back_is_a_warning(box: Volumes) -> None:
    released = clock.RELEASED.timestamp()
    os.utime(box.data, (released, released + 30 * 86_400))
    for path in (box.root, box.state):
        os.utime(path, (released, released))
    finding = one(clock.check(box, now_s=released + 10 * 86_400))
    assert finding.status == Status.WARNING
    assert str(box.data) in finding.message
    assert one(clock.check(box, now_s=released + 30 * 86_400)).status == Status.OK


def statvfs_of(free_bytes: int) -> SimpleNamespace:
    return SimpleNamespace(f_bavail=free_bytes // 4096, f_frsize=4096, f_flag=0)


@pytest.mark.parametrize(("mib", "status"), [(100, Status.PROBLEM), (1000, Status.WARNING), (9000, Status.OK)])
def test_free_space_with_simulated_disk(
    box: Volumes, monkeypatch: pytest.MonkeyPatch, mib: int, status: Status
) -> None:
    monkeypatch.setattr(os, "statvfs", lambda _: statvfs_of(mib << 20))
    finding = one(disk_space.check(box))
    assert finding.status == status
    assert f"{mib:,} MiB free" in finding.message
    if status != Status.OK:
        assert str(box.outputs) in finding.fix


def test_volumes_on_one_file_system_are_judged_once_and_by_the_hardest_need(box: Volumes) -> None:
    assert one(disk_space.check(box)).message.startswith("data:")


def test_a_file_where_a_directory_is_needed(box: Volumes) -> None:
    box.data.rmdir()
    box.data.write_text("in the way")
    finding = one(volumes_writable.check(box))
    assert finding.status == Status.PROBLEM
    assert str(box.data) in finding.message
    assert "move" in finding.fix


def mount(*arguments: str) -> None:
    if subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a file system needs root")


@pytest.fixture
def small_state(box: Volumes) -> Iterator[Path]:
    """A real file system of 1 MiB as `nand/state`."""
    mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(box.state))
    yield box.state
    subprocess.run(["umount", str(box.state)], check=True)


def test_a_small_volume_is_judged_by_itself(box: Volumes, small_state: Path) -> None:
    by_path = {finding.message.split(":")[0]: finding for finding in disk_space.check(box)}
    assert by_path["nand/state"].status == Status.PROBLEM
    assert "2 MiB are needed" in by_path["nand/state"].message
    assert by_path["data"].message.endswith(str(box.data))
    assert small_state.is_dir()


def test_a_full_volume_cannot_be_written(box: Volumes, small_state: Path) -> None:
    (small_state / "fill").write_bytes(b"x" * (1 << 20))
    finding = one(volumes_writable.check(box))
    assert finding.status == Status.PROBLEM
    assert "No space left" in finding.message


def test_a_read_only_mount_is_a_problem(box: Volumes, small_state: Path) -> None:
    mount("-o", "remount,ro", str(small_state))
    finding = one(volumes_writable.check(box))
    assert "mounted read-only" in finding.message
    assert "dmesg" in finding.fix


def test_a_directory_of_another_user_is_a_problem(box: Volumes) -> None:
    """Root may write everywhere, so the check runs as nobody."""
    if os.geteuid() != 0:
        pytest.skip("changing the user needs root")
    for path in (box.root, *box.root.rglob("*"), *box.root.parents):
        if path.stat().st_mode & 0o005 != 0o005:
            path.chmod(0o755)
    code = (
        "import os, sys; from pathlib import Path;"
        "from appliance.supervisor.health import volumes_writable; from appliance.volumes import Volumes;"
        "os.setgid(65534); os.setuid(65534);"
        "print(*(one.message for one in volumes_writable.check(Volumes(Path(sys.argv[1])))), sep='\\n')"
    )
    said = subprocess.run([sys.executable, "-c", code, str(box.root)], capture_output=True, text=True, check=True)
    assert f"{box.data} cannot be written by this user" in said.stdout


FINDINGS = [
    Finding("python", Status.OK, "CPython 3.11"),
    Finding("disk space", Status.WARNING, "data: 900 MiB free", "delete old videos", ("detail",)),
]
PROBLEM = Finding("clock", Status.PROBLEM, "1970", "set it")


def test_text_is_aligned_with_the_fix_indented_below() -> None:
    lines = report.render([*FINDINGS, PROBLEM]).splitlines()
    assert lines == [
        "ok       python      CPython 3.11",
        "warning  disk space  data: 900 MiB free",
        "                     detail",
        "                     fix: delete old videos",
        "PROBLEM  clock       1970",
        "                     fix: set it",
        "problems: 1, warnings: 1, ok: 1",
    ]


def test_only_a_problem_makes_the_box_unhealthy() -> None:
    assert report.exit_code(FINDINGS) == 0
    assert report.exit_code([*FINDINGS, PROBLEM]) == 3


def test_json_holds_everything() -> None:
    document = json.loads(json.dumps(report.as_json([*FINDINGS, PROBLEM])))
    assert document["healthy"] is False
    assert document["findings"][1] == {
        "check": "disk space",
        "status": "warning",
        "message": "data: 900 MiB free",
        "fix": "delete old videos",
        "details": ["detail"],
    }


@pytest.mark.parametrize(
    ("word", "status", "message"),
    [
        ("no-data", Status.PROBLEM, "the data disk is missing"),
        ("no-nand", Status.WARNING, "there is no NAND"),
        ("dead-nand", Status.PROBLEM, "the NAND does not answer"),
        ("no-state", Status.PROBLEM, "nand/state cannot be mounted"),
        ("no-cache", Status.PROBLEM, "nand/cache cannot be mounted"),
    ],
)
def test_what_stands_in_for_a_volume_is_said(tmp_path: Path, word: str, status: Status, message: str) -> None:
    (tmp_path / "report").write_text(f"{word}\n")
    finding = one(stand_ins.check(tmp_path / "report"))
    assert (finding.check, finding.status) == ("volumes", status)
    assert finding.message.startswith(message)


def test_where_every_volume_is_in_its_place_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert list(stand_ins.check(tmp_path / "never written")) == []
    (tmp_path / "report").touch()
    assert list(stand_ins.check(tmp_path / "report")) == []
