"""Building trees with Kconfig, the kernel and U-Boot, for arm64 and out of tree.

An option that a fragment asks for and the finished configuration lacks is an error (`InputError`, with FILE:LINE):
Kconfig drops silently what a dependency forbids.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import InputError

COMPILER: Final = "aarch64-linux-gnu-"


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree, the folder that it is built in, and what every make must be told."""

    source: Path
    output: Path
    variables: Sequence[str] = ()

    def make(self, *targets: str) -> None:
        """One run of make. It says only what it warns of."""
        self.output.mkdir(exist_ok=True)
        command = ["make", "--silent", f"--jobs={os.cpu_count()}", "-C", str(self.source), f"O={self.output}"]
        subprocess.run([*command, f"CROSS_COMPILE={COMPILER}", *self.variables, *targets], check=True)

    def configure(self, base: str, parts: Sequence[Path]) -> None:
        """Configure as `base` does, with fragments laid over it; every line of theirs must hold in the end."""
        self.make(base)
        config = self.output / ".config"
        merge = [str(self.source / "scripts/kconfig/merge_config.sh"), "-m", "-O", str(self.output), str(config)]
        subprocess.run([*merge, *map(str, parts)], cwd=self.source, check=True, stdout=subprocess.DEVNULL)
        self.make("olddefconfig")
        missing = lost(parts, config.read_text())
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
