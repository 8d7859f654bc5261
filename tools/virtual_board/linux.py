"""The virtual board's kernel: Debian's source, `tinyconfig`, and the fragments of boot/linux, which Yocto uses as well.

`build` fills a folder with `Image`, `config` and `modules/*.ko`.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from tools.virtual_board import board, cache, debian, kbuild

FRAGMENTS: Final = board.BOOT / "linux"
PACKAGE: Final = "linux-source-6.12"


def place() -> Path:
    """Where the kernel that the fragments ask for, with our patches, lies or would."""
    parts = [path.read_bytes() for path in (*fragments(), *patches())]
    return cache.place("linux", [PACKAGE, *parts])


def fragments() -> list[Path]:
    return sorted(FRAGMENTS.glob("*.cfg"))


def patches() -> list[Path]:
    return sorted((FRAGMENTS / "patches").glob("*.patch"))


def build() -> Path:
    """The folder with the kernel, built if need be (6 to 20 minutes on two cores)."""
    return cache.made(place(), _make)


def _make(target: Path) -> None:
    package = cache.made(cache.place("linux-source", [PACKAGE]), _fetch)
    with tempfile.TemporaryDirectory(dir=cache.root()) as scratch:
        tree = kbuild.Tree(Path(scratch) / "source", Path(scratch) / "output", ["ARCH=arm64"])
        tree.source.mkdir()
        archive = package / f"usr/src/{PACKAGE}.tar.xz"
        debian.unpack_archive(archive, tree.source)
        for patch in patches():
            debian.patch(patch, tree.source)
        tree.configure("tinyconfig", fragments())
        tree.make("Image", "modules")
        shutil.copy(tree.output / "arch/arm64/boot/Image", target)
        shutil.copy(tree.output / ".config", target / "config")
        (target / "modules").mkdir()
        for module in tree.output.rglob("*.ko"):
            shutil.copy(module, target / "modules")


def _fetch(folder: Path) -> None:
    deb = debian.package(PACKAGE, folder)
    debian.unpack(deb, folder)
    deb.unlink()
