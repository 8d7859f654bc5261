"""The virtual board as it leaves the factory: chips and disk with all that the checkout and the cache make."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path
from typing import Final

import appliance
from tools.virtual_board import fit, linux, media, qemu, recovery, system, uboot
from tools.virtual_board.machine import Machine

CHIPS: Final = ("nor0", "nor1")
DISK: Final = "disk"
NAND: Final = "nand"
TREE: Final = "machine.dtb"


@cache
def current() -> system.System:
    """The system as the checkout had it when this was first asked."""
    return system.build(appliance.__version__)


def assemble(folder: Path, slots: str = "a", what: system.System | None = None) -> None:
    """Lay chips and disk out in `folder`: U-Boot, recovery in NOR and on disk, the system in the named slots."""
    folder.mkdir(parents=True, exist_ok=True)
    content = what or current()
    partitions = {name: image for letter in slots for name, image in content.slot(letter).items()}
    media.write_nand(folder / NAND)
    with tempfile.TemporaryDirectory() as scratch:
        flashed = Path(scratch) / "recovery.fit"
        recovery.image(flashed)
        contents = {"u-boot": boot_loader(Path(scratch), fit.key()), "recovery": flashed.read_bytes()}
        media.write_nor((folder / CHIPS[0], folder / CHIPS[1]), contents)
        media.write_disk(folder / DISK, {**partitions, "recovery": flashed})


def boot_loader(folder: Path, keys: Path) -> bytes:
    """U-Boot that starts what is signed with a key of `fit`; beside it, the machine's own device tree is `TREE`."""
    tools, control = uboot.build(), folder / "control.dtb"
    qemu.device_tree(folder / TREE)
    fit.control_tree(tools, keys, folder / TREE, control)
    return (tools / "u-boot-nodtb.bin").read_bytes() + control.read_bytes()


def machine(folder: Path, port: int | None = None) -> Machine:
    """The board whose chips and disk lie in `folder`."""
    chips = folder / CHIPS[0], folder / CHIPS[1]
    return Machine(chips=chips, disk=folder / DISK, nand=folder / NAND, console_port=port)


def bare_machine(folder: Path, arguments: str) -> Machine:
    """The same without a boot loader: the kernel alone, with this command line."""
    chips = folder / CHIPS[0], folder / CHIPS[1]
    return Machine(chips=chips, disk=folder / DISK, kernel=(linux.build() / "Image", arguments))
