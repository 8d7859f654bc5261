"""Which group is ours, what is written where, and what is said when it cannot be.

The tree is made of plain files here; that a real kernel takes the values, and what they do, is shown in a guest.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import ApplianceError
from appliance.supervisor.cgroups import Groups, NotDelegatedError, delegated, disk_of
from appliance.supervisor.spec import Limits

LIMITS = Limits(memory_high=1 << 20, cpu_weight=50, read_bps=0, write_bps=2_000_000)


def group(path: Path, controllers: str = "cpu io memory pids", procs: str = "") -> Path:
    path.mkdir(parents=True)
    (path / "cgroup.type").write_text("domain\n")
    (path / "cgroup.controllers").write_text(controllers)
    (path / "cgroup.procs").write_text(procs)
    (path / "cgroup.subtree_control").write_text("")
    return path


def system(tmp_path: Path, own: str) -> Path:
    """A root whose version 2 is mounted in the usual place, with this process in the group `own`."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/self/cgroup").write_text(f"0::{own}\n")
    mounted = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
    (tmp_path / "proc/self/mountinfo").write_text(mounted)
    return tmp_path


def test_limits_in_a_simulated_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = group(tmp_path / "box.service", procs="4711\n")
    monkeypatch.setattr("appliance.supervisor.cgroups.disk_of", lambda _: "179:0")
    groups = Groups(base)
    assert (base / "supervisor/cgroup.procs").read_text() == "4711"
    assert groups.controllers == ["memory", "cpu", "io"]
    assert groups.complaints == []
    assert groups.limit("worker", LIMITS, tmp_path) == []
    written = {name: (base / "worker" / name).read_text() for name in ("memory.high", "cpu.weight", "io.max")}
    assert written == {"memory.high": "1048576", "cpu.weight": "50", "io.max": "179:0 rbps=max wbps=2000000"}
    assert groups.usage("worker") == {"memory.high": 1 << 20, "cpu.weight": 50, "io.max": written["io.max"]}
    groups.limit("worker", Limits(), tmp_path)
    assert (base / "worker/memory.high").read_text() == "max"
    assert (base / "worker/io.max").read_text() == "179:0 rbps=max wbps=max"


def test_a_controller_that_is_missing_in_a_simulated_tree_is_said_and_the_others_are_used(tmp_path: Path) -> None:
    groups = Groups(group(tmp_path / "box", controllers="memory pids"))
    assert groups.controllers == ["memory"]
    assert [text.split()[-1] for text in groups.complaints] == ["cpu", "io"]
    assert groups.limit("worker", LIMITS, tmp_path) == []
    assert not (tmp_path / "box/worker/cpu.weight").exists()


def test_no_controller_at_all_in_a_simulated_tree_touches_nothing(tmp_path: Path) -> None:
    base = group(tmp_path / "box", controllers="hugetlb", procs="4711\n")
    with pytest.raises(NotDelegatedError, match="no controller for memory, cpu, io"):
        Groups(base)
    assert not (base / "supervisor").exists()


def test_the_very_first_group_of_a_simulated_tree_is_left_to_the_others(tmp_path: Path) -> None:
    top = tmp_path / "cgroup"
    top.mkdir()
    for name, text in (("cgroup.controllers", "cpu io memory"), ("cgroup.procs", "1\n2\n")):
        (top / name).write_text(text)
    (top / "mockup").mkdir()
    with pytest.raises(NotDelegatedError):  # the kernel would fill the new group with its files
        Groups(top)
    assert (top / "cgroup.procs").read_text() == "1\n2\n"
    assert (top / f"mouthpiece-{os.getpid()}").is_dir()


def test_the_group_that_systemd_delegated_in_a_simulated_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = system(tmp_path, "/system.slice/mouthpiece.service")
    own = group(root / "sys/fs/cgroup/system.slice/mouthpiece.service")
    (root / "run/systemd/system").mkdir(parents=True)
    monkeypatch.setattr(os, "getxattr", lambda path, name: b"1" if (path, name) == (own, "user.delegate") else b"")
    assert delegated(root) == own


def test_a_supervisor_that_was_here_before_left_us_in_its_leaf_of_a_simulated_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = system(tmp_path, "/box.service/supervisor")
    own = group(root / "sys/fs/cgroup/box.service")
    monkeypatch.setattr(os, "getxattr", lambda path, _name: b"1" if path == own else b"")
    assert delegated(root) == own


def test_what_systemd_did_not_delegate_in_a_simulated_tree_is_not_touched(tmp_path: Path) -> None:
    root = system(tmp_path, "/user.slice/session-2.scope")
    group(root / "sys/fs/cgroup/user.slice/session-2.scope")
    (root / "run/systemd/system").mkdir(parents=True)
    if os.geteuid() == 0:
        with pytest.raises(NotDelegatedError, match="Delegate=yes"):
            delegated(root)


def test_without_systemd_the_own_group_of_a_simulated_tree_is_ours(tmp_path: Path) -> None:
    root = system(tmp_path, "/box")
    own = group(root / "sys/fs/cgroup/box")
    assert delegated(root) == own


def test_a_group_that_is_not_visible_in_a_simulated_container(tmp_path: Path) -> None:
    with pytest.raises(NotDelegatedError, match="not visible"):
        delegated(system(tmp_path, "/docker/123"))


def test_a_simulated_kernel_without_version_2(tmp_path: Path) -> None:
    with pytest.raises(NotDelegatedError, match="not mounted"):
        delegated(tmp_path)


def sys_dev(root: Path, path: Path, *, partition: bool) -> None:
    """Pretend that `path` lies on a partition of the disk 179:0, or on that disk."""
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    disk = root / "sys/devices/mmcblk0"
    node = disk / "mmcblk0p3" if partition else disk
    node.mkdir(parents=True)
    (disk / "dev").write_text("179:0\n")
    if partition:
        (node / "partition").write_text("3\n")
    (root / "sys/dev/block").mkdir(parents=True)
    (root / "sys/dev/block" / number).symlink_to(node)


def test_a_partition_of_a_simulated_disk_leads_to_the_disk(tmp_path: Path) -> None:
    sys_dev(tmp_path, tmp_path, partition=True)
    assert disk_of(tmp_path / "not" / "yet", tmp_path) == "179:0"


def test_a_whole_simulated_disk_is_itself(tmp_path: Path) -> None:
    sys_dev(tmp_path, tmp_path, partition=False)
    device = tmp_path.stat().st_dev
    assert disk_of(tmp_path, tmp_path) == f"{os.major(device)}:{os.minor(device)}"


def test_a_file_system_without_a_disk_is_named() -> None:
    with pytest.raises(ApplianceError, match="proc, which no block device carries"):
        disk_of(Path("/proc"))


def test_a_limit_that_cannot_be_had_is_a_complaint_only_when_it_is_wanted(tmp_path: Path) -> None:
    groups = Groups(group(tmp_path / "box"))
    (why,) = groups.limit("worker", LIMITS, Path("/proc"))
    assert why.startswith("worker: its disk cannot be limited: /proc lies on proc")
    assert groups.limit("worker", Limits(), Path("/proc")) == []
