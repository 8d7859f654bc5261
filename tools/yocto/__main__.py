"""`python -m tools.yocto check|execute|image|firmware|size …`: see the package."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from appliance.errors import ApplianceError, InputError
from tools.images.__main__ import board as described
from tools.yocto import check, execute, image, kas, size, virtual

_LARGEST: Final = 10
_KEYS: Final = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "mouthpiece/keys"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.yocto", description="Build with the Yocto layer, or try it.")
    commands = parser.add_subparsers(dest="command", required=True)
    checks = commands.add_parser("check", help="parse the layer and resolve the image's graph")
    checks.add_argument("--layers", default="", help="folder with clones of the layers, of any names")
    checks.add_argument("--machine", help="one of Yocto's machine names; else all of them")
    checks.add_argument("--full", action="store_true", help="yocto-check-layer too, for one machine")
    executes = commands.add_parser("execute", help="run the recipes that make what a board is written with")
    executes.add_argument("--layers", default="", help="as above")
    executes.add_argument("--machine", choices=execute.BOARDS, help="else each of them")
    images = commands.add_parser("image", help="build everything of a board")
    images.add_argument("--board", default="", help="a file in boot/boards, without .toml")
    images.add_argument("--keys", type=Path, default=_KEYS, help=f"folder with the keys ({_KEYS})")
    firmwares = commands.add_parser("firmware", help="U-Boot and device tree of the virtual board, for its build")
    firmwares.add_argument("--keys", type=Path, default=_KEYS, help="as above")
    firmwares.add_argument("folder", type=Path, help="what MOUTHPIECE_FIRMWARE will name")
    sizes = commands.add_parser("size", help="what fills a root file system")
    sizes.add_argument("root", type=Path, help="its squashfs image")
    options = parser.parse_args(arguments)
    try:
        if options.command == "image":
            image.build(options.board, described(options.board).machine, options.keys)
            return 0
        if options.command == "firmware":
            virtual.firmware(options.folder, options.keys)
            return 0
        if options.command == "size":
            return _size(options.root)
        if not options.layers:
            raise InputError("the clones of the layers are missing", hint="give their folder: LAYERS=FOLDER")
        if options.command == "execute":
            return _execute(Path(options.layers), options.machine)
        return _check(Path(options.layers), options.machine, full=options.full)
    except ApplianceError as error:
        print(f"yocto: {error.message}" + (f"; {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code


def _check(folder: Path, machine: str | None, *, full: bool) -> int:
    if machine:
        kas.board(machine)
    names = [machine] if machine else list(kas.boards())
    if full and check.WORLD not in names:
        names.append(check.WORLD)
    status = max(_shown(name, [check.graph(name, folder)]) for name in names)
    return max(status, _shown(check.WORLD, [check.layer(folder)])) if full else status


def _execute(folder: Path, machine: str | None) -> int:
    status = 0
    for name in [machine] if machine else execute.BOARDS:
        if name == execute.VIRTUAL and (reason := virtual.missing()):
            print(f"SKIP {name}: {reason}", flush=True)
        else:
            status |= _shown(name, execute.run(folder, name))
    return status


def _size(root: Path) -> int:
    found = size.parts(root)
    print(f"{'packed':>8} {'unpacked':>9}")
    for part in found[:_LARGEST]:
        print(f"{part.packed / 1e6:5.1f} MB {part.unpacked / 1e6:6.1f} MB  {part.name}")
    rest = found[_LARGEST:]
    packed, unpacked = sum(part.packed for part in rest), sum(part.unpacked for part in rest)
    print(f"{packed / 1e6:5.1f} MB {unpacked / 1e6:6.1f} MB  {len(rest)} smaller ones")
    print(f"{root.stat().st_size / 1e6:5.1f} MB {sum(part.unpacked for part in found) / 1e6:6.1f} MB  the image")
    return 0


def _shown(machine: str, results: Sequence[check.Result]) -> int:
    for result in results:
        print(f"{'PASS' if result.passed else 'FAIL'} {machine} {result.name}: {result.detail}", flush=True)
    return 0 if all(result.passed for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
