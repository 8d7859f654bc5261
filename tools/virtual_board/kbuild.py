"""Building trees with Kconfig, the kernel and U-Boot, for arm64 and out of tree.

An option that a fragment asks for and the finished configuration lacks is an error (`InputError`, with FILE:LINE):
Kconfig drops silently what a dependency forbids.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.errors import InputError

COMPILER: Final = "aarch64-linux-gnu-"


def make(tree: Path, output: Path, *targets: str) -> None:
    """One run of a Kbuild tree's make, for arm64, out of tree. Its output is shown only as far as it warns."""
    output.mkdir(exist_ok=True)
    command = ["make", "--silent", f"--jobs={os.cpu_count()}", "-C", str(tree), f"O={output}"]
    subprocess.run([*command, "ARCH=arm64", f"CROSS_COMPILE={COMPILER}", *targets], check=True)


def configure(tree: Path, output: Path, parts: Sequence[Path]) -> None:
    """Lay fragments over the configuration in `output`; every line of theirs must hold afterwards."""
    merge = [str(tree / "scripts/kconfig/merge_config.sh"), "-m", "-O", str(output), str(output / ".config")]
    subprocess.run([*merge, *map(str, parts)], cwd=tree, check=True, stdout=subprocess.DEVNULL)
    make(tree, output, "olddefconfig")
    missing = lost(parts, (output / ".config").read_text())
    if missing:
        raise InputError(
            "\n".join(f"{place}: {line} does not hold in the finished configuration" for place, line in missing),
            hint="an option that it depends on is missing, or the option has another name in this version",
        )


def lost(parts: Sequence[Path], config: str) -> list[tuple[str, str]]:
    """The lines of fragments that a finished configuration does not keep, each with `FILE:LINE`."""
    has = set(config.splitlines())
    on = {line.partition("=")[0] for line in has if line.startswith("CONFIG_")}
    found = []
    for part in parts:
        for number, line in enumerate(part.read_text().splitlines(), 1):
            wanted = line.startswith("CONFIG_") and line not in has
            unwanted = line.startswith("# CONFIG_") and line.endswith(" is not set") and line.split()[1] in on
            if wanted or unwanted:
                found.append((f"{part}:{number}", line))
    return found
