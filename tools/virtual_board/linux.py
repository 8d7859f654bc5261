"""The virtual board's kernel: Debian's source, `tinyconfig`, and the fragments of boot/linux, which Yocto uses as well.

`build` fills a folder with `Image`, `config` and `modules/*.ko`.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.virtual_board import board, cache, debian, kbuild

FRAGMENTS: Final = board.BOOT / "linux"
PACKAGE: Final = "linux-source-6.12"


def place() -> Path:
    """Where the kernel that the fragments ask for lies, or would."""
    parts = [path.read_bytes() for path in fragments()]
    return cache.place("linux", [PACKAGE, *parts])


def fragments() -> list[Path]:
    return sorted(FRAGMENTS.glob("*.cfg"))


def build() -> Path:
    """The folder with the kernel, built if need be (6 to 20 minutes on two cores)."""
    return cache.made(place(), _make)


def _make(target: Path) -> None:
    package = cache.made(cache.place("linux-source", [PACKAGE]), _fetch)
    with tempfile.TemporaryDirectory(dir=cache.root()) as scratch:
        tree, output = Path(scratch) / "tree", Path(scratch) / "output"
        tree.mkdir()
        archive = f"./usr/src/{PACKAGE}.tar.xz"
        files = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", next(package.glob("*.deb"))], stdout=subprocess.PIPE)
        packed = subprocess.Popen(
            ["tar", "--extract", "--to-stdout", archive], stdin=files.stdout, stdout=subprocess.PIPE
        )
        subprocess.run(
            ["tar", "--extract", "--xz", "--strip-components=1", "--directory", str(tree)],
            stdin=packed.stdout,
            check=True,
        )
        if files.wait() or packed.wait():
            raise InputError(f"{package} holds no {archive}", hint="remove the folder; it is fetched again")
        kbuild.make(tree, output, "tinyconfig")
        kbuild.configure(tree, output, fragments())
        kbuild.make(tree, output, "Image", "modules")
        shutil.copy(output / "arch/arm64/boot/Image", target)
        shutil.copy(output / ".config", target / "config")
        (target / "modules").mkdir()
        for module in output.rglob("*.ko"):
            shutil.copy(module, target / "modules")


def _fetch(folder: Path) -> None:
    debian.package(PACKAGE, folder)
