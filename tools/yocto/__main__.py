"""`python -m tools.yocto check|image …`: see the package."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError, InputError
from tools.images.__main__ import board as described
from tools.yocto import check, execute, image, kas

_KEYS: Final = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mouthpiece/keys"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.yocto", description="Build with the Yocto layer, or try it.")
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="parse the layer and resolve the image's graph")
    checks.add_argument("--layers", default="", help="folder with clones of the layers, of any names")
    checks.add_argument("--machine", help="one of Yocto's machine names; else all of them")
    checks.add_argument("--full", action="store_true", help="yocto-check-layer too, which parses some six times")
    executes = commands.add_parser("execute", help="run the recipes that make what a board is written with")
    executes.add_argument("--layers", default="", help="as above")
    images = commands.add_parser("image", help="build everything of a board")
    images.add_argument("--board", default="", help="a file in boot/boards, without .toml")
    images.add_argument("--keys", type=Path, default=_KEYS, help=f"folder with the keys ({_KEYS})")
    options = parser.parse_args(arguments)
    try:
        if options.command == "image":
            image.build(options.board, described(options.board).machine, options.keys)
            return 0
        if not options.layers:
            raise InputError("the clones of the layers are missing", hint="give their folder: LAYERS=FOLDER")
        if options.command == "execute":
            return _shown(execute.MACHINE, execute.run(Path(options.layers)))
        return _check(Path(options.layers), options.machine, full=options.full)
    except ApplianceError as error:
        print(f"yocto: {error.message}" + (f"; {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code


def _check(folder: Path, machine: str | None, *, full: bool) -> int:
    steps = [check.graph, check.layer] if full else [check.graph]
    if machine:
        kas.board(machine)
    names = [machine] if machine else list(kas.boards())
    return max(_shown(name, [step(name, folder)]) for name in names for step in steps)


def _shown(machine: str, results: Sequence[check.Result]) -> int:
    for result in results:
        print(f"{'PASS' if result.passed else 'FAIL'} {machine} {result.name}: {result.detail}", flush=True)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
