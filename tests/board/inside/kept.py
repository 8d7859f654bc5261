"""In the guest: the chips of `kept_flash.c`, whose power a program cuts, or whoever kills the guest.

The NAND, if there is one, is mtd0.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

_MODULE: Final = Path("/out/kept_flash.ko")
_PARAMETERS: Final = Path("/sys/module/kept_flash/parameters")
_MEMORY_BAR: Final = 2


def plug_in(*, nand: int = 0, nor: int = 0, kept: bool = False) -> None:
    """Chips of these sizes: `kept` in the memory that the guest was given, else new ones."""
    subprocess.run(["modprobe", "mtd"], check=True)
    sizes = [f"nand={nand}", f"nor={nor}", *([f"address={_kept_memory():#x}"] if kept else [])]
    subprocess.run(["insmod", _MODULE, *sizes], check=True)


def unplug() -> None:
    subprocess.run(["rmmod", "kept_flash"], check=True)


def cut_after(changed: int) -> None:
    """Let the power go under the first write or erase that is more than these bytes, after the last of them."""
    (_PARAMETERS / "power").write_text(str(changed))


def power_off() -> None:
    (_PARAMETERS / "lost").write_text("1")


def is_cut() -> bool:
    """Whether the power has gone."""
    return (_PARAMETERS / "lost").read_text().strip() == "Y"


def power_on() -> None:
    (_PARAMETERS / "power").write_text("-1")
    (_PARAMETERS / "lost").write_text("0")


def _kept_memory() -> int:
    """Where ivshmem's memory begins."""
    for device in Path("/sys/bus/pci/devices").iterdir():
        if [(device / name).read_text().strip() for name in ("vendor", "device")] == ["0x1af4", "0x1110"]:
            return int((device / "resource").read_text().splitlines()[_MEMORY_BAR].split()[0], 16)
    raise AssertionError("the guest was given no memory")
