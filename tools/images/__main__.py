"""`python -m tools.images nor|nand|disk --board NAME --out FILE [PARTITION=FILE …]`: see the package."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from appliance.errors import ApplianceError, InputError
from tools.boards import rules, source
from tools.boards.board import Board
from tools.images import disk, nand, nor

BOARDS = Path(__file__).resolve().parents[2] / "boot/boards"


def board(name: str) -> Board:
    path = BOARDS / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(one.stem for one in BOARDS.glob("*.toml")))
        raise InputError(f"there is no board {name!r}", hint=f"there are {known}")
    found, where = source.read(path)
    rules.check(found, where)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.images", description="Make what a board is written with.")
    parser.add_argument("kind", choices=("nor", "nand", "disk"))
    parser.add_argument("--board", required=True, help="a file in boot/boards, without .toml")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("contents", nargs="*", metavar="PARTITION=FILE")
    options = parser.parse_intermixed_args(arguments)
    try:
        make(options.kind, board(options.board), _contents(options.contents), options.out)
    except ApplianceError as error:
        print(f"images: {error.message}" + (f"; {error.hint}" if error.hint else ""), file=sys.stderr)
        return error.exit_code
    except subprocess.CalledProcessError as error:
        print(f"images: {error}\n{(error.stderr or b'').decode(errors='replace')}", file=sys.stderr)
        return 1
    return 0


def make(kind: str, for_board: Board, contents: dict[str, Path], target: Path) -> None:
    if kind == "nor":
        target.write_bytes(nor.image(for_board, {name: path.read_bytes() for name, path in contents.items()}))
    elif kind == "disk":
        disk.image(for_board, contents, target)
    else:
        nand.image(for_board, target)


def _contents(pairs: Sequence[str]) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for pair in pairs:
        name, _, file = pair.partition("=")
        if not file or not Path(file).is_file():
            raise InputError(f"{pair!r} names no file", hint="write PARTITION=FILE")
        found[name] = Path(file)
    return found


if __name__ == "__main__":
    sys.exit(main())
