"""The virtual board's recovery system: a signed FIT for NOR and disk, with the initramfs of `tools.recovery_image`."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from tools.recovery_image import archive, contents
from tools.virtual_board import base, board, cache, fit, keys, linux, qemu, uboot

_ROOMS: Final = ("storage", "update", "jobs", "console")
_OURS: Final = (*(f"appliance/{room}" for room in _ROOMS), "boot/recovery", "tools/recovery_image")
_NAND: Final = Path(__file__).parent / "overlay/usr/lib/mouthpiece/virtual-nand"
_INITRAMFS: Final = "initramfs"
_KEPT: Final = 3


def initramfs() -> Path:
    """The archive, made if need be; most of the time goes into compressing it."""
    files = [path for name in _OURS for path in sorted((base.CHECKOUT / name).rglob("*")) if path.is_file()]
    files += sorted((base.CHECKOUT / "appliance").glob("*.py"))
    recipe: list[str | bytes] = [_NAND.read_bytes(), str(board.description()), keys.authority().name]
    for path in files:
        if path.suffix != ".pyc":
            recipe += [str(path.relative_to(base.CHECKOUT)), path.read_bytes()]
    made = cache.made(cache.place("recovery-initramfs", recipe), _make)
    cache.keep_newest("recovery-initramfs", _KEPT)
    return made / _INITRAMFS


def image(target: Path) -> None:
    """Write the FIT."""
    with tempfile.TemporaryDirectory() as scratch:
        device_tree = Path(scratch) / "machine.dtb"
        qemu.device_tree(device_tree)
        fit.image(
            uboot.build(),
            fit.key(),
            target,
            kernel=linux.build() / "Image",
            initramfs=initramfs(),
            device_tree=fit.with_partitions(device_tree, Path(scratch) / "partitioned.dtb"),
            compression="lzma",
        )


def _make(target: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        contents.build(tree, board.NAME, board.description(), "arm64", keys.authority() / keys.AUTHORITY)
        # What a real board's device tree says of its NAND.
        shutil.copyfile(_NAND, tree / "etc/mouthpiece/hardware")
        archive.pack(tree, target / _INITRAMFS)
