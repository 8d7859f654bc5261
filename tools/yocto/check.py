"""What holds of the layer for one board: it parses, the image's graph resolves, and the project's own checker agrees.

A line of bitbake's counts against the layer when it is an error, or a warning that names a file or recipe of ours.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.yocto import kas

_LINE: Final = re.compile(r"^(ERROR|WARNING): .*|^(Summary: There (?:was|were) \d+ ERROR.*)", re.MULTILINE)
_OUTCOME: Final = re.compile(r"^INFO: \S+ \(\w+\.([\w.]+)\)\nINFO:  \.\.\. (\w+)", re.MULTILINE)
_PARSED: Final = re.compile(r"Parsing of (\d+) \.bb files complete")


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    passed: bool
    detail: str
    """What was found, or the lines that tell what is wrong."""


def graph(machine: str, folder: Path) -> Result:
    """Everything is parsed first, so one call of bitbake shows both."""
    wanted = " ".join(kas.targets(machine))
    log = kas.WORK / f"{machine}-graph.log"
    began = time.monotonic()
    status = kas.shell(machine, folder, f"rm -f pn-buildlist task-depends.dot && bitbake -g {wanted}", log)
    said = log.read_text(errors="replace")
    faults = complaints(said, ours())
    if status or faults:
        return Result("graph", False, "\n".join([*faults, f"exit status {status}, {log}"]))
    parsed = _PARSED.search(said)
    recipes = len((kas.WORK / machine / "pn-buildlist").read_text().split())
    files = f"{parsed[1]} recipe files parsed" if parsed else "recipe files known from the run before"
    return Result("graph", True, f"{files}, the board takes {recipes} recipes, {time.monotonic() - began:.0f} s")


def layer(machine: str, folder: Path) -> Result:
    """`yocto-check-layer` on the layer, its dependencies given: everything that the Yocto Project's programme tests."""
    log = kas.WORK / f"{machine}-layer.log"
    began = time.monotonic()
    status = kas.shell(machine, folder, _CHECK_LAYER.format(machine=machine, layer=kas.LAYER), log)
    said = log.read_text(errors="replace")
    tests = outcomes(said)
    failed = [f"{test}: {outcome}" for test, outcome in tests.items() if outcome not in ("ok", "skipped")]
    if status or failed or not tests:
        return Result("yocto-check-layer", False, "\n".join([*failed, f"exit status {status}, {log}"]))
    passed = [test for test, outcome in tests.items() if outcome == "ok"]
    skipped = [test for test in tests if test not in passed]
    took = time.monotonic() - began
    return Result("yocto-check-layer", True, f"passed {' '.join(passed)}; skipped {' '.join(skipped)}; {took:.0f} s")


# The checker wants a build without the layer, and adds it itself. bblayers.conf is what kas wrote: one layer a line.
# Some of its calls of bitbake name the signatures' handler in the environment, which makes another configuration of the
# same words: named for all of them, they share what was parsed.
_CHECK_LAYER: Final = """set -eu
rm -rf layer-check; mkdir -p layer-check/conf
sed -e '/^DISTRO /d' conf/local.conf > layer-check/conf/local.conf
others=$(bitbake-getvar --value BBLAYERS | tail -n 1 | tr ' ' '\\n' | grep -v '/openembedded-core/meta$' \\
    | grep -vx '{layer}' | xargs -r realpath | grep -vx '{layer}')
core=$(bitbake-getvar --value BBLAYERS | tail -n 1 | tr ' ' '\\n' | grep '/openembedded-core/meta$')
printf 'BBPATH = "${{TOPDIR}}"\\nBBFILES ?= ""\\nBBLAYERS ?= " \\\\\\n  %s \\\\\\n"\\n' "$(realpath "$core")" \\
    > layer-check/conf/bblayers.conf
cd layer-check; export BUILDDIR="$PWD" BBPATH="$PWD"
export BB_SIGNATURE_HANDLER=OEBasicHash
export BB_ENV_PASSTHROUGH_ADDITIONS="$BB_ENV_PASSTHROUGH_ADDITIONS BB_SIGNATURE_HANDLER"
exec yocto-check-layer -n --no-auto-dependency --dependency $others --additional-layers $others \\
    --machines {machine} -- '{layer}'
"""


def outcomes(said: str) -> dict[str, str]:
    """The checker's tests by name, or by class where that is for another kind of layer: ok, skipped, FAIL, ERROR."""
    return dict(_OUTCOME.findall(said))


def ours() -> list[str]:
    """By what names bitbake speaks of what is ours."""
    return ["meta-mouthpiece", *sorted({path.stem.split("_")[0] for path in kas.LAYER.glob("recipes-*/*/*.bb")})]


def complaints(said: str, names: list[str]) -> list[str]:
    return list(_complaints(said, names))


def _complaints(said: str, names: list[str]) -> Iterator[str]:
    for line in (match[0] for match in _LINE.finditer(said)):
        if not line.startswith("WARNING") or any(name in line for name in names):
            yield line
