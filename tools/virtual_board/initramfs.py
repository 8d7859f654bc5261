"""An initramfs for the virtual board: busybox for arm64 from Debian, and a program as process 1.

`build(target, init)` packs it.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tools.virtual_board import cache, debian

_PACKAGE: Final = "busybox-static:arm64"

MOUNTS: Final = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t debugfs debug /sys/kernel/debug
"""


def place() -> Path:
    """Where busybox lies, or would."""
    return cache.place("busybox", [_PACKAGE])


def build(target: Path, init: str, files: Mapping[str, Path] | None = None) -> None:
    """Pack busybox and `init`, a script for its shell, into `target`; `files` are more, by place."""
    folder = cache.made(place(), _fetch)
    with tempfile.TemporaryDirectory() as scratch, target.open("wb") as file:
        tree = Path(scratch)
        for name in ("bin", "dev", "proc", "sys"):
            (tree / name).mkdir()
        (tree / "bin/busybox").write_bytes((folder / "bin/busybox").read_bytes())
        (tree / "init").write_text(init)
        for name, source in (files or {}).items():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, tree / name)
        for program in ("bin/busybox", "init"):
            (tree / program).chmod(0o755)
        names = "\n".join(str(path.relative_to(tree)) for path in sorted(tree.rglob("*")))
        command = ["cpio", "--create", "--format=newc", "--quiet", "--owner=+0:+0"]
        subprocess.run(command, cwd=tree, input=names.encode(), stdout=file, check=True)


def _fetch(folder: Path) -> None:
    deb = debian.package(_PACKAGE, folder)
    debian.unpack(deb, folder)
    deb.unlink()
