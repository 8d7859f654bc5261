"""Signed FIT images, and the control device tree that makes U-Boot refuse all others.

A key is a folder with `mouthpiece.key` and `mouthpiece.crt`. Each user's is made when it is first needed and lies in
the cache; it is never committed, and good for virtual boards only.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final, Literal

from tools.virtual_board import board, cache

ALGORITHM: Final = "sha256,rsa3072"
KEY: Final = "mouthpiece"
_TEMPLATE: Final = board.BOOT / "uboot/image.its.in"


def key() -> Path:
    """This user's key."""
    return cache.made(cache.place("key", [ALGORITHM]), new_key)


def new_key(folder: Path) -> None:
    """Make a key in `folder`."""
    command = ["openssl", "req", "-new", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "36500"]
    command += ["-subj", "/CN=virtual board", "-keyout", str(folder / f"{KEY}.key"), "-out", str(folder / f"{KEY}.crt")]
    subprocess.run(command, check=True, capture_output=True)


def control_tree(tools: Path, keys: Path, device_tree: Path, target: Path) -> None:
    """The machine's device tree with the key's public half, which every configuration must be signed with."""
    shutil.copy(device_tree, target)
    command = [str(tools / "fdt_add_pubkey"), "-a", ALGORITHM, "-k", str(keys), "-n", KEY, "-r", "conf", str(target)]
    subprocess.run(command, check=True, capture_output=True)


def with_partitions(device_tree: Path, target: Path) -> Path:
    """The machine's device tree for Linux: with the partitions of the NOR."""
    overlay = target.with_suffix(".dtbo")
    command = ["dtc", "-q", "-I", "dts", "-O", "dtb", "-o", str(overlay), str(board.GENERATED / "nor.dtso")]
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run(["fdtoverlay", "-i", str(device_tree), "-o", str(target), str(overlay)], check=True)
    return target


def image(
    tools: Path,
    keys: Path,
    target: Path,
    *,
    kernel: Path,
    initramfs: Path,
    device_tree: Path,
    compression: Literal["none", "lzma"] = "none",
) -> None:
    """Write a signed FIT. `lzma` compresses the kernel, for the NOR; without it starts sooner."""
    with tempfile.TemporaryDirectory() as scratch:
        if compression == "lzma":
            packed = Path(scratch) / "kernel.lzma"
            with packed.open("wb") as file:
                subprocess.run(["xz", "--format=lzma", "--stdout", str(kernel)], check=True, stdout=file)
            kernel = packed
        text = _TEMPLATE.read_text()
        for name, value in {
            "DESCRIPTION": f"Mouthpiece, {board.NAME}",
            "KERNEL": str(kernel),
            "COMPRESSION": compression,
            "KERNEL_ADDRESS": hex(board.KERNEL_ADDRESS),
            "FDT": str(device_tree),
            "INITRAMFS": str(initramfs),
        }.items():
            text = text.replace(f"@{name}@", value)
        tree = Path(scratch) / "image.its"
        tree.write_text(text)
        command = [str(tools / "mkimage"), "-q", "-f", str(tree), "-k", str(keys), "-r", str(target)]
        subprocess.run(command, check=True, capture_output=True)
