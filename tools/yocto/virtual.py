"""What the Yocto layer is given for the virtual board, made by `tools.virtual_board`.

`firmware` is what the layer cannot make, whoever builds: U-Boot with QEMU's device tree and a key in it. `parts` are
the kernel, initramfs and root that take the place of Yocto's where its recipes run without having built any
(`yocto-layer/stand-ins`), so that what comes out of them starts.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import appliance
from tools.virtual_board import cache, debian, factory, initramfs, linux, recovery, rootfs, uboot
from tools.yocto import kas

_SLOT_INIT: Final = kas.LAYER / "recipes-mouthpiece/boot/files/slot-init.sh"
_NAND: Final = kas.ROOT / "yocto-layer/stand-ins/files/nand-with-pages"
_NAND_UNIT: Final = "[Service]\nExecStart=\nExecStart=/bin/sh /usr/lib/mouthpiece/nand-with-pages\n"
_VERITYSETUP: Final = "cryptsetup-bin"
# What Yocto's busybox and packages have in place before process 1 runs.
_INIT: Final = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mkdir /root /run
exec sh /slot-init
"""


def missing() -> str:
    """Why there are no parts, or nothing."""
    built = uboot.place().exists() and linux.place().exists()
    return "" if built else "the virtual board is not built: python -m tools.virtual_board build"


def firmware(folder: Path, keys: Path) -> Path:
    """The folder, with `u-boot.bin` and `machine.dtb`; `keys` holds those that docs/YOCTO.md asks for."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "u-boot.bin").write_bytes(factory.boot_loader(folder, keys))
    return folder


def parts(folder: Path, keys: Path) -> Path:
    """The folder, with `Image`, `root.squashfs` and the two initramfs as their recipes call them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(linux.build() / "Image", folder)
    _slot_initramfs(folder / "mouthpiece-slot-initramfs.cpio")
    shutil.copy(recovery.initramfs(), folder / "mouthpiece-recovery-initramfs.cpio.xz")
    changed = {
        "etc/rauc/keyring.pem": (keys / "keyring.pem").read_text(),
        "usr/lib/mouthpiece/nand-with-pages": _NAND.read_text(),
        "usr/lib/systemd/system/virtual-nand.service.d/pages.conf": _NAND_UNIT,
    }
    root = rootfs.build(appliance.__version__, changed)
    # Without the hashes behind it: here they are the business of the layer.
    bare = folder / "root.squashfs"
    shutil.copy(root / "root.img", bare)
    _, sectors, *_ = (root / "verity").read_text().split()
    with bare.open("r+b") as file:
        file.truncate(int(sectors) * 512)
    return folder


def _slot_initramfs(target: Path) -> None:
    """What the layer's recipe asks for, of Debian's packages: busybox, veritysetup, and the layer's script."""
    tree = cache.made(cache.place("veritysetup", [_VERITYSETUP]), _fetch)
    files = {"slot-init": _SLOT_INIT, "sbin/veritysetup": tree / "sbin/veritysetup"}
    libraries = (path for folder in ("lib", "usr/lib") for path in (tree / folder).rglob("*.so.*") if path.is_file())
    initramfs.build(target, _INIT, files | {f"lib/{path.name}": path for path in libraries})
    subprocess.run(["zstd", "--quiet", "--rm", str(target)], check=True)


def _fetch(tree: Path) -> None:
    debs = tree / "debs"
    debs.mkdir()
    for deb in debian.closure([_VERITYSETUP], debs):
        if deb.name.startswith(("lib", _VERITYSETUP)):
            debian.unpack(deb, tree)
    shutil.rmtree(debs)
