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

WORLD: Final = "rock-5b"
"""The machine that `layer` is tried with: its graph has every recipe that the layer appends to."""
_ALSO: Final = {"help2man", "m4", "make-mod-scripts"}
"""What recipes of the graph want when they are built for themselves, as in a world."""
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


def layer(folder: Path) -> Result:
    """`yocto-check-layer` on the layer, its dependencies given: everything that the Yocto Project's programme tests.

    Its world is what `graph` found for `WORLD`; a day would not do for all recipes of all layers on a small computer.
    """
    log = kas.WORK / f"{WORLD}-layer.log"
    began = time.monotonic()
    (kas.WORK / WORLD / "world.conf").write_text(world((kas.WORK / WORLD / "task-depends.dot").read_text()))
    distribution = kas.LAYER / "conf/distro/mouthpiece.conf"
    script = _CHECK_LAYER.format(machine=WORLD, layer=kas.LAYER, distribution=distribution)
    status = kas.shell(WORLD, folder, script, log)
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
# The distribution's settings stay, but not its name, by which the layer's appends are switched on: so the world is the
# graph's. Some of the checker's calls of bitbake name the signatures' handler in the environment, which makes another
# configuration of the same words: named for all of them, they share what was parsed.
_CHECK_LAYER: Final = """set -eu
rm -rf layer-check; mkdir -p layer-check/conf
sed -e '/^DISTRO /d' conf/local.conf > layer-check/conf/local.conf
sed -e '/^DISTRO /d' -e '/^INHERIT /d' '{distribution}' >> layer-check/conf/local.conf
cat world.conf >> layer-check/conf/local.conf
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


def world(tasks: str) -> str:
    """Settings that make bitbake's world of the recipes in its graph of tasks: no other files are read, and of those
    that are there for the build host alone the board's variant does not count."""
    files = {name.split("_")[0] for name in re.findall(r"/([^/\"]+)\.bb\"\]", tasks)} | _ALSO
    only = "|".join(re.escape(name) for name in sorted(files))
    for_host = sorted(files - set(re.findall(r"^\"([^\"]+)\.do_\w+\" \[", tasks, re.MULTILINE)))
    lines = [f'BBMASK = "^(?!.*/({only})(_[^/]*)?\\.bb(append)?$)"']
    lines += [f'EXCLUDE_FROM_WORLD:pn-{name} = "1"' for name in for_host]
    return "".join(f"{line}\n" for line in lines)


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
