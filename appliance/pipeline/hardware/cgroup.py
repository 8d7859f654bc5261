"""How much CPU and memory the control groups leave to this process, in version 2 and version 1 of their interface.

A limit of any ancestor binds, so the tree is walked from the process's own group up to the root and the tightest
limit counts. Inside a container the own group is often mounted as the root itself; then the named path does not
exist below the mount and the walk finds the root.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.pipeline.hardware.files import read_int, read_text

_UNLIMITED = 1 << 60
"""Version 1 writes "no limit" as the largest multiple of the page size, just under 2**63."""


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Directories of this process's groups that may limit `controller`, from its own up to the root."""
    mount = root / "sys/fs/cgroup"
    for line in (read_text(root / "proc/self/cgroup") or "").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base = mount
        elif controller in controllers.split(","):
            base = mount / controller
        else:
            continue
        group = base / path.lstrip("/")
        while group != base:
            yield group
            group = group.parent
        yield base


def cpu_quota(root: Path = Path("/")) -> float | None:
    """The number of cores' worth of time that the quota allows, or None if there is no quota."""
    quotas = []
    for group in _groups(root, "cpu"):
        words = (read_text(group / "cpu.max") or "").split()
        if len(words) == 2 and words[0] != "max":
            quotas.append(int(words[0]) / int(words[1]))
        quota, period = read_int(group / "cpu.cfs_quota_us"), read_int(group / "cpu.cfs_period_us")
        if quota is not None and quota > 0 and period:
            quotas.append(quota / period)
    return min(quotas, default=None)


def memory_room(root: Path = Path("/")) -> tuple[int, int] | None:
    """The tightest memory limit and what is left below it, both in bytes, or None if there is no limit.

    Page cache that the kernel would give back counts as left.
    """
    rooms = []
    for group in _groups(root, "memory"):
        limit = read_int(group / "memory.max")
        used = read_int(group / "memory.current")
        if limit is None:
            limit, used = read_int(group / "memory.limit_in_bytes"), read_int(group / "memory.usage_in_bytes")
        if limit is None or used is None or limit >= _UNLIMITED:
            continue
        rooms.append((limit, max(0, limit - used + _reclaimable(group))))
    return min(rooms, key=lambda room: room[1], default=None)


def _reclaimable(group: Path) -> int:
    for line in (read_text(group / "memory.stat") or "").splitlines():
        name, _, value = line.partition(" ")
        if name in ("inactive_file", "total_inactive_file"):
            return int(value)
    return 0
