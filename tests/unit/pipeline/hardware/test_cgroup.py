"""Limits of control groups, from trees laid out as the kernel lays them out."""

from __future__ import annotations

from pathlib import Path

from appliance.pipeline.hardware.cgroup import cpu_quota, memory_room

GIB = 1 << 30


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_tightest_ancestor_counts_in_version_2(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/box.slice/worker\n")
    groups = tmp_path / "sys/fs/cgroup"
    put(groups / "box.slice/worker/cpu.max", "max 100000\n")
    put(groups / "box.slice/cpu.max", "150000 100000\n")
    put(groups / "box.slice/worker/memory.max", f"{2 * GIB}\n")
    put(groups / "box.slice/worker/memory.current", f"{GIB}\n")
    put(groups / "box.slice/worker/memory.stat", f"anon 1\ninactive_file {GIB // 2}\n")
    put(groups / "box.slice/memory.max", "max\n")
    put(groups / "box.slice/memory.current", f"{GIB}\n")
    assert cpu_quota(tmp_path) == 1.5
    assert memory_room(tmp_path) == (2 * GIB, GIB + GIB // 2)


def test_version_1(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "3:cpu,cpuacct:/job\n2:memory:/job\n0::/\n")
    groups = tmp_path / "sys/fs/cgroup"
    put(groups / "cpu/job/cpu.cfs_quota_us", "50000\n")
    put(groups / "cpu/job/cpu.cfs_period_us", "100000\n")
    put(groups / "memory/job/memory.limit_in_bytes", f"{GIB}\n")
    put(groups / "memory/job/memory.usage_in_bytes", f"{GIB // 4}\n")
    put(groups / "memory/memory.limit_in_bytes", "9223372036854771712\n")
    put(groups / "memory/memory.usage_in_bytes", "0\n")
    assert cpu_quota(tmp_path) == 0.5
    assert memory_room(tmp_path) == (GIB, GIB * 3 // 4)


def test_no_limit_is_none(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "3:cpu:/\n0::/\n")
    put(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    put(tmp_path / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert cpu_quota(tmp_path) is None
    assert memory_room(tmp_path) is None


def test_inside_a_container_the_mount_is_the_own_group(tmp_path: Path) -> None:
    put(tmp_path / "proc/self/cgroup", "0::/docker/0123abcd\n")
    put(tmp_path / "sys/fs/cgroup/cpu.max", "300000 100000\n")
    assert cpu_quota(tmp_path) == 3.0
