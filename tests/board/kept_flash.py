"""Flash that outlives the guest: the kernel module `inside/kept_flash.c`, built for the guest's kernel, and its memory.

The chips lie in a file of the host's, which the guest stores to as it programs and erases, byte by byte and in order:
whenever QEMU is killed, the file is what a power cut would leave.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from tests.board import guest

NAND_BYTES: Final = 200 * 128 * 1024
NOR_BYTES: Final = 4 * 64 * 1024
_MEMORY_BYTES: Final = 32 << 20
_SOURCE: Final = Path(__file__).parent / "inside/kept_flash.c"


def missing() -> str:
    """Why the module cannot be built or used here, or nothing."""
    if why := guest.missing("ubiattach", "make"):
        return why
    return "" if _build().is_dir() else f"the headers of the kernel {guest.release()} are not installed"


def module(folder: Path) -> Path:
    """Build the module in a new folder."""
    folder.mkdir()
    shutil.copy(_SOURCE, folder)
    (folder / "Kbuild").write_text(f"obj-m := {_SOURCE.stem}.o\n")
    subprocess.run(["make", "-s", "-C", _build(), f"M={folder}", "modules"], check=True, capture_output=True)
    return folder / f"{_SOURCE.stem}.ko"


def new_memory(path: Path) -> Path:
    """Erased chips."""
    path.write_bytes(b"\xff" * _MEMORY_BYTES)
    return path


def _build() -> Path:
    return Path("/lib/modules", guest.release(), "build")
