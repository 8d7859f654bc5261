"""What every volume has in common: a name, what it holds, what making it anew would lose, and how it is."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from appliance.console.recovery.work import run
from appliance.errors import UnhealthyError

State = Literal["ok", "warning", "problem", "off"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a volume is now. `off`: the device that it lies on is not there."""

    state: State
    message: str
    can_repair: bool = False
    can_format: bool = False


class Volume(Protocol):
    """`title`, `holds` and `loses` are texts of the catalogues.

    `repair` loses nothing; `format` loses what `loses` says. Both raise `UnhealthyError` where they fail, and may be
    tried again. `name` is what a person types before it is made anew.
    """

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def holds(self) -> str: ...
    @property
    def loses(self) -> str: ...
    def look(self) -> Look: ...
    def repair(self) -> None: ...
    def format(self) -> None: ...


def mount(kind: str, device: str, place: Path, *options: str) -> None:
    place.mkdir(parents=True, exist_ok=True)
    run("mount", "-t", kind, "-o", ",".join((*options, "noatime", "nodev", "nosuid", "noexec")), device, str(place))


def unmount(place: Path) -> None:
    """Twice and more is as good as once."""
    while place.is_mount():
        run("umount", str(place))


@contextlib.contextmanager
def writable(place: Path) -> Iterator[None]:
    """A mounted volume, while something of ours writes to it."""
    run("mount", "-o", "remount,rw", str(place))
    try:
        yield
    finally:
        run("mount", "-o", "remount,ro", str(place))


def kernel_says(*words: str) -> str:
    """The last line of the kernel's log that has all of these words; empty if there is none."""
    try:
        lines = run("dmesg").splitlines()
    except (UnhealthyError, subprocess.SubprocessError):
        return ""
    found = [line.partition("] ")[2] or line for line in lines if all(word in line for word in words)]
    return found[-1].strip() if found else ""
