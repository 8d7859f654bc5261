"""Modules for a kernel that has drivers in some, as a distribution's has: the virtual machines of the tests."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def add_modules(tree: Path, release: str, wanted: Sequence[str]) -> None:
    """Lay installed modules and what they need into the tree, with the order in which `init` loads them.

    Each of `wanted` is a module and perhaps options, as modprobe takes them.
    """
    folder = tree / "lib/modules"
    folder.mkdir(parents=True, exist_ok=True)
    order: dict[str, str] = {}
    for line in wanted:
        module, _, options = line.partition(" ")
        shown = subprocess.run(
            ["/sbin/modprobe", "-S", release, "--show-depends", module], check=True, capture_output=True, text=True
        )
        paths = [words.split()[1] for words in shown.stdout.splitlines() if words.startswith("insmod")]
        for path in paths:
            order.setdefault(path, "")
            shutil.copy(path, folder)
        if paths and options:
            order[paths[-1]] = options
    lines = (f"{Path(path).name} {options}".strip() for path, options in order.items())
    (folder / "order").write_text("".join(f"{line}\n" for line in lines))
