"""The box's two UBIFS volumes on one simulated NAND chip, mounted below `BOX`. Needs root in a guest.

`nand()` puts in a chip of 26 MB, pages of 2 KiB and blocks of 128 KiB, and makes the volumes; `mounted()` attaches it
and mounts them; leaving that and entering it again is a restart.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.volumes import Volumes

BOX: Final = Volumes(Path("/mnt/box"))
BLOCKS: Final = 200
_DEBUGFS: Final = Path("/sys/kernel/debug")


@dataclass(frozen=True, slots=True)
class Volume:
    """A UBI volume, by its number and name, and where it belongs."""

    number: int
    name: str
    mib: int
    compression: str

    @property
    def place(self) -> Path:
        return BOX.root / "nand" / self.name


STATE: Final = Volume(0, "state", 7, "zstd")
CACHE: Final = Volume(1, "cache", 7, "none")


def _do(*command: str) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def prepare() -> None:
    """What the kernel needs for such volumes."""
    # What UBIFS has to say about a power cut is long, and the console slow.
    _do("dmesg", "--console-level", "alert")
    if not _DEBUGFS.is_mount():
        _do("mount", "-t", "debugfs", "debugfs", str(_DEBUGFS))
    for module in ("zstd", "lzo", "deflate", "ubifs"):
        _do("modprobe", module)


def make_volumes() -> None:
    """On the empty chip that is mtd0."""
    _do("ubiattach", "-m", "0")
    for volume in (STATE, CACHE):
        _do("ubimkvol", "/dev/ubi0", "-n", str(volume.number), "-N", volume.name, "-s", f"{volume.mib}MiB")
    _do("ubidetach", "-m", "0")


def fill_chip() -> None:
    """Make a volume of all that no other has, so that nothing but the reserve can take the place of a bad block."""
    _do("ubiattach", "-m", "0")
    _do("ubimkvol", "/dev/ubi0", "-N", "rest", "-m")
    _do("ubidetach", "-m", "0")


@contextlib.contextmanager
def nand(*faults: str) -> Iterator[None]:
    """A new chip and the volumes on it; `faults` are nandsim's parameters for a bad one."""
    prepare()
    _do("modprobe", "nandsim", "id_bytes=0x20,0xa2,0x00,0x15", f"parts={BLOCKS}", *faults)
    try:
        make_volumes()
        yield
    finally:
        _do("rmmod", "nandsim")


@contextlib.contextmanager
def mounted() -> Iterator[None]:
    """From a boot to the end of power."""
    _do("ubiattach", "-m", "0")
    try:
        with contextlib.ExitStack() as stack:
            for volume in (STATE, CACHE):
                volume.place.mkdir(parents=True, exist_ok=True)
                options = f"compr={volume.compression},noatime"
                _do("mount", "-t", "ubifs", "-o", options, f"ubi0:{volume.name}", str(volume.place))
                stack.callback(_do, "umount", str(volume.place))
            yield
    finally:
        _do("ubidetach", "-m", "0")


def commit() -> None:
    """Have UBIFS commit its journals."""
    os.sync()
