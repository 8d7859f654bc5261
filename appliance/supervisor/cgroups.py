"""Control groups, version 2: a leaf for each child below the group that was delegated to us.

    BASE/                 ours (systemd: the service's own group, Delegate=yes); holds no process, as the kernel demands
    BASE/supervisor/      this process and whatever else was in BASE
    BASE/NAME/            a child: memory.high, cpu.weight, io.max of the data disk

A group is ours when systemd says so (the attribute `delegate`), when it belongs to this ordinary user, or when this is
root and no systemd manages the tree. Anything the kernel refuses is a complaint in words, never an error: the box then
works without that limit. `io.max` takes whole disks only and does not reach UBIFS or other file systems without a block
device below them; `disk_of` says so. Formats: Documentation/admin-guide/cgroup-v2.rst of Linux.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any, Final

from appliance.errors import ApplianceError
from appliance.supervisor.spec import Limits

CONTROLLERS: Final = ("memory", "cpu", "io")
SUPERVISOR: Final = "supervisor"
_OWN: Final = "mouthpiece-"


class NotDelegatedError(ApplianceError):
    """There is no control group in which we may make others."""


class Groups:
    def __init__(self, base: Path) -> None:
        """Take `base`: make the supervisor's leaf, move everybody there, hand the controllers down.

        `NotDelegatedError` when not even one controller can be had.
        """
        self.complaints: list[str] = []
        try:
            if not (base / "cgroup.type").exists():
                base = self._below_top(base)
            _offered(base)
            (base / SUPERVISOR).mkdir(exist_ok=True)
            for pid in (base / "cgroup.procs").read_text().split() or [str(os.getpid())]:
                with contextlib.suppress(ProcessLookupError):
                    (base / SUPERVISOR / "cgroup.procs").write_text(pid)
        except OSError as error:
            raise NotDelegatedError(f"the control group {base} cannot be used: {error.strerror}") from error
        self.base = base
        self.controllers = self._handed_down(base)

    def leaf(self, name: str) -> Path:
        """The directory of a child's group, made where it is missing."""
        path = self.base / name
        path.mkdir(exist_ok=True)
        return path

    def limit(self, name: str, limits: Limits, data: Path) -> list[str]:
        """Limit a child's group, and what it may ask of the disk below `data`; returns what was refused and why."""
        leaf = self.leaf(name)
        refused = []
        if "memory" in self.controllers:
            refused.append(_write(leaf / "memory.high", str(limits.memory_high or "max")))
        if "cpu" in self.controllers:
            refused.append(_write(leaf / "cpu.weight", str(limits.cpu_weight)))
        if "io" in self.controllers:
            refused.append(self._limit_disk(leaf, limits, data))
        return [f"{name}: {why}" for why in refused if why]

    def usage(self, name: str) -> dict[str, Any]:
        """What a child's group takes now, and its limits, as the kernel tells them."""
        leaf = self.base / name
        found: dict[str, Any] = {}
        for file in ("memory.current", "memory.high", "cpu.weight", "io.max"):
            with contextlib.suppress(OSError):
                text = (leaf / file).read_text().strip()
                found[file] = int(text) if text.isdigit() else text
        return found

    def remove(self) -> None:
        """Take empty groups away; what still holds processes stays."""
        _remove(self.base)

    def _handed_down(self, group: Path) -> list[str]:
        """Let the groups below have what controllers there are; what cannot be had becomes a complaint."""
        offered = _offered(group)
        done: list[str] = []
        for controller in CONTROLLERS:
            if controller not in offered:
                self.complaints.append(f"the control group {group} has no controller for {controller}")
            elif why := _write(group / "cgroup.subtree_control", f"+{controller}"):
                self.complaints.append(f"the control group {group} keeps its controller for {controller}: {why}")
            else:
                done.append(controller)
        if not done:
            raise NotDelegatedError("; ".join(self.complaints))
        return done

    def _below_top(self, top: Path) -> Path:
        """A group of our own below the very first one, which others share and which may keep its processes."""
        self._handed_down(top)
        for left in top.glob(f"{_OWN}*"):  # of a supervisor that was killed
            _remove(left)
        group = top / f"{_OWN}{os.getpid()}"
        group.mkdir()
        self.complaints.clear()  # the same are said of the group
        return group

    def _limit_disk(self, leaf: Path, limits: Limits, data: Path) -> str:
        try:
            disk = disk_of(data)
        except ApplianceError as error:
            why = f"its disk cannot be limited: {error.message}"
        else:
            line = f"{disk} rbps={limits.read_bps or 'max'} wbps={limits.write_bps or 'max'}"
            why = _write(leaf / "io.max", line)
        return why if limits.read_bps or limits.write_bps else ""


def _offered(group: Path) -> list[str]:
    """Those of our controllers that this group may hand down, at least one."""
    here = (group / "cgroup.controllers").read_text().split()
    found: list[str] = [name for name in CONTROLLERS if name in here]
    if not found:
        raise NotDelegatedError(f"the control group {group} has no controller for {', '.join(CONTROLLERS)}")
    return found


def _remove(group: Path) -> None:
    for path in (*(leaf for leaf in group.iterdir() if leaf.is_dir()), group):
        with contextlib.suppress(OSError):
            path.rmdir()


def delegated(root: Path = Path("/")) -> Path:
    """This process's own group, if it is ours to divide; else `NotDelegatedError` with the reason."""
    mount = _mounted(root)
    line = next((one for one in _lines(root / "proc/self/cgroup") if one.startswith("0::")), "0::/")
    own = mount / line.removeprefix("0::").lstrip("/")
    if own.name == SUPERVISOR:
        own = own.parent  # systemd's DelegateSubgroup=, or a supervisor that was here before
    if not own.is_dir():
        raise NotDelegatedError(f"this process's control group {own} is not visible here")
    if _marked(own):
        return own
    if (root / "run/systemd/system").is_dir():
        if os.geteuid() != 0 and own.stat().st_uid == os.geteuid() and os.access(own / "cgroup.procs", os.W_OK):
            return own
        raise NotDelegatedError("systemd did not delegate its control group to this process (Delegate=yes)")
    if not os.access(own / "cgroup.subtree_control", os.W_OK):
        raise NotDelegatedError(f"the control group {own} cannot be written by this user")
    return own


def disk_of(path: Path, root: Path = Path("/")) -> str:
    """MAJOR:MINOR of the whole disk below `path`; `ApplianceError` where there is none that could be limited."""
    while not path.exists():
        path = path.parent
    device = path.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    node = root / "sys/dev/block" / number
    if not node.exists():
        raise ApplianceError(f"{path} lies on {_file_system(number, root)}, which no block device carries")
    if (node / "partition").exists():
        number = (node.resolve().parent / "dev").read_text().strip()
    return number


def _mounted(root: Path) -> Path:
    """Where version 2 is mounted."""
    for line in _lines(root / "proc/self/mountinfo"):
        where, _, what = line.partition(" - ")
        if what.startswith("cgroup2 "):
            return root / where.split()[4].lstrip("/")
    raise NotDelegatedError("control groups, version 2, are not mounted")


def _marked(group: Path) -> bool:
    for name in ("trusted.delegate", "user.delegate"):
        with contextlib.suppress(OSError):
            if os.getxattr(group, name) == b"1":
                return True
    return False


def _file_system(number: str, root: Path) -> str:
    for line in _lines(root / "proc/self/mountinfo"):
        where, _, what = line.partition(" - ")
        if where.split()[2] == number:
            return what.split()[0]
    return "a file system"


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _write(path: Path, text: str) -> str:
    """Write one value; why it was refused, or nothing."""
    try:
        path.write_text(text)
    except OSError as error:
        return f"{path.name} = {text!r}: {error.strerror}"
    return ""
