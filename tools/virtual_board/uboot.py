"""The virtual board's U-Boot: Debian's source, the board's default configuration, our fragments and the boot script.

`build` fills a folder with `u-boot-nodtb.bin`, `config` and the tools of the same version, `mkimage` and
`fdt_add_pubkey`. The control device tree is not part of it: `fit.control_tree` makes that, with the key, and U-Boot
finds it right behind itself.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Final

from tools.virtual_board import board, cache, debian, kbuild

FOLDER: Final = board.BOOT / "uboot"
DEFCONFIG: Final = "qemu_arm64_defconfig"
# What may be set from flash: RAUC's variables, strings and numbers, and the wish for recovery.
WRITEABLE: Final = "BOOT_ORDER:sw,BOOT_A_LEFT:dw,BOOT_B_LEFT:dw,BOOT_RECOVERY:bw"
_BOARD_FOLDER: Final = "board/emulation/qemu-arm"


def script() -> str:
    """The default environment: the board's variables, generated and written, then the boot script."""
    generated = (board.GENERATED / "u-boot.env").read_text().splitlines()
    # U-Boot's build wants C comments.
    facts = "".join(f"{line}\n" for line in generated if not line.startswith("#"))
    return facts + (FOLDER / "virt-arm64.env").read_text() + (FOLDER / "mouthpiece.env").read_text()


def fragments() -> list[Path]:
    return [FOLDER / "common.cfg", FOLDER / "virt-arm64.cfg", board.GENERATED / "u-boot.cfg"]


def patches() -> list[Path]:
    return sorted((FOLDER / "patches").glob("*.patch"))


def place() -> Path:
    """Where the U-Boot that all this asks for lies, or would."""
    files = [path.read_bytes() for path in (*fragments(), *patches())]
    return cache.place("u-boot", [debian.SOURCE_SUITE, DEFCONFIG, WRITEABLE, script(), *files])


def build() -> Path:
    """The folder with U-Boot and its tools, built if need be (3 to 7 minutes on two cores)."""
    return cache.made(place(), _make)


def _make(target: Path) -> None:
    source = cache.made(cache.place("u-boot-source", [debian.SOURCE_SUITE]), _fetch)
    with tempfile.TemporaryDirectory(dir=cache.root()) as scratch:
        # ARCH is U-Boot's own business: it follows from the default configuration.
        flags = f'KCPPFLAGS=-DCFG_ENV_FLAGS_LIST_STATIC=\\"{WRITEABLE}\\"'
        tree = kbuild.Tree(Path(scratch) / "source", Path(scratch) / "output", [flags])
        tree.source.mkdir()
        archive, changes = (next(source.glob(f"*.{kind}.tar.*")) for kind in ("orig", "debian"))
        debian.unpack_source(archive, changes, tree.source)
        for patch in patches():
            debian.patch(patch, tree.source)
        (tree.source / _BOARD_FOLDER / "mouthpiece.env").write_text(script())
        tree.configure(DEFCONFIG, fragments())
        # One after the other: both build the tools, and would do so at the same time.
        tree.make("tools-only")
        tree.make("u-boot-nodtb.bin")
        for name in ("u-boot-nodtb.bin", "tools/mkimage", "tools/fdt_add_pubkey"):
            shutil.copy(tree.output / name, target)
        shutil.copy(tree.output / ".config", target / "config")


def _fetch(folder: Path) -> None:
    debian.source("u-boot", folder)
