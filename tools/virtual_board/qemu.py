"""The virtual board's QEMU, and how that machine is made: always the same one, since its device tree is signed.

QEMU must be 10 or newer: an older one fails every write of U-Boot's to the flash. Where the installed one is older,
that of the backports is unpacked into the cache; it uses this machine's libraries and changes nothing on it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tools.virtual_board import board, cache, debian

PROGRAM: Final = "qemu-system-aarch64"
OLDEST: Final = 10
# Modules are looked for in the unpacked folder first and then in the system's, where those of another version end the
# program: so every package of modules is there.
_PACKAGES: Final = (
    "qemu-system-arm",
    "qemu-system-common",
    "qemu-system-data",
    "qemu-system-gui",
    "qemu-system-modules-opengl",
    "qemu-system-modules-spice",
    "qemu-block-extra",
)


def _installed() -> bool:
    if shutil.which(PROGRAM) is None:
        return False
    shown = subprocess.run([PROGRAM, "--version"], check=True, capture_output=True, text=True).stdout
    version = re.search(r"version (\d+)", shown)
    return version is not None and int(version[1]) >= OLDEST


def place() -> Path | None:
    """Where the unpacked QEMU lies, or would; None where the installed one will do."""
    return None if _installed() else cache.place("qemu", _PACKAGES)


def build() -> None:
    """Unpack QEMU if need be."""
    if (folder := place()) is not None:
        cache.made(folder, _unpack)


def _unpack(target: Path) -> None:
    for deb in debian.packages(_PACKAGES, target, backports=True):
        debian.unpack(deb, target)
        deb.unlink()


def command(options: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Arguments and environment that start the machine with further options."""
    folder = place()
    environment = dict(os.environ)
    program = [PROGRAM]
    if folder is not None:
        modules = next(folder.glob("usr/lib/*/qemu"))
        environment["QEMU_MODULE_DIR"] = str(modules)
        program = [str(folder / "usr/bin" / PROGRAM), "-L", str(folder / "usr/share/qemu")]
    # No random numbers in the device tree: it is a part of the build. Without ACPI the GPIO controller (power key) is
    # there with and without firmware, so that the tree that is dumped is that of the machine that runs.
    machine = ["-machine", "virt,gic-version=2,acpi=off,dtb-randomness=off", "-accel", "tcg"]
    machine += ["-cpu", "cortex-a72", "-smp", "2", "-m", str(board.MEMORY_MB)]
    machine += ["-display", "none", "-audio", "none", "-nodefaults"]
    return [*program, *machine, *options], environment


def device_tree(target: Path) -> None:
    """Write the machine's own device tree, as short as it can be."""
    raw = target.with_suffix(".raw")
    program, environment = command(["-machine", f"dumpdtb={raw}"])
    subprocess.run(program, env=environment, check=True, capture_output=True)
    subprocess.run(["dtc", "-q", "-I", "dtb", "-O", "dtb", "-@", "-o", str(target), str(raw)], check=True)
    raw.unlink()
