"""All files that are generated, for all boards, below the root of a checkout.

Reads boot/boards/*.toml and docs/BOARDS.md, whose text outside the markers is kept. Raises `InputError` where a
description is wrong, before anything is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from appliance.errors import InputError
from appliance.storage import atomic
from tools.boards import flash, overview, rauc, rules, source, uboot
from tools.boards.board import Board

DESCRIPTIONS: Final = "boot/boards"
GENERATED: Final = "boot/generated"
CONSTANTS: Final = "appliance/storage/boards.py"
DOCUMENT: Final = "docs/BOARDS.md"
BEGIN: Final = "<!-- from here on: written by `make boards` -->"
END: Final = "<!-- up to here -->"
_COMMENTS: Final = {".dtso": ("// ", ""), ".env": ("/* ", " */")}
"""U-Boot's environment goes through the C preprocessor. Others take a number sign."""
_WRITTEN: Final = "Written by `make boards` from {}: change that instead."


def boards(root: Path) -> dict[str, Board]:
    """Every board by its name, in the order of names; the descriptions keep the rules."""
    found: dict[str, Board] = {}
    for path in sorted((root / DESCRIPTIONS).glob("*.toml")):
        board, where = source.read(path)
        rules.check(board, where)
        for other in found.values():
            if board.compatible == other.compatible:
                raise where.error(("compatible",), f"{other.title} is {board.compatible!r} too")
        found[path.stem] = board
    return found


def files(root: Path) -> dict[Path, str]:
    """What every generated file should hold."""
    found: dict[Path, str] = {}
    described = boards(root)
    for name, board in described.items():
        for file, text in _of_board(board).items():
            begin, end = _COMMENTS.get(Path(file).suffix, ("# ", ""))
            head = f"{begin}{_WRITTEN.format(f'{DESCRIPTIONS}/{name}.toml')}{end}\n"
            found[root / GENERATED / name / file] = ("" if file == "mtdparts" else head) + text
    found[root / CONSTANTS] = f"# {_WRITTEN.format(DESCRIPTIONS)}\n" + flash.constants(list(described.values()))
    found[root / DOCUMENT] = _document(root / DOCUMENT, overview.tables(list(described.values())))
    return found


def _of_board(board: Board) -> dict[str, str]:
    found = {"system.conf": rauc.system_conf(board)}
    if board.nor:
        found["mtdparts"] = flash.mtdparts(board)
        found["nor.dtso"] = flash.nor_overlay(board.nor)
    if board.nand:
        found["ubinize.cfg"] = flash.ubinize(board.nand)
        if board.nand.node:
            found["nand.dtso"] = flash.nand_overlay(board.nand, board.nand.node)
        if board.nand.nandsim_id:
            found["nandsim.conf"] = flash.nandsim_options(board.nand)
    if board.nor and board.u_boot:
        found["fw_env.config"] = uboot.fw_env_config(board.nor)
        found["u-boot.cfg"] = uboot.fragment(board.nor, board.u_boot)
        found["u-boot.env"] = uboot.variables(board, board.nor, board.u_boot)
    return found


def _document(path: Path, tables: str) -> str:
    before, begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise InputError(f"{path} has no place for the tables", hint=f"put {BEGIN} and {END} into it")
    return f"{before}{BEGIN}\n\n{tables}\n\n{END}{after}"


def outdated(root: Path) -> list[Path]:
    """Files that are missing, not as they would be written, or left over from a board that is no more."""
    wanted = files(root)
    wrong = [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    left = [path for path in sorted((root / GENERATED).rglob("*")) if path.is_file() and path not in wanted]
    return wrong + left


def write(root: Path) -> list[Path]:
    """Bring everything up to date; what was changed."""
    wanted = files(root)
    changed = outdated(root)
    for path in changed:
        if path in wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replaced_file(path) as temporary:
                temporary.write_text(wanted[path], encoding="utf-8")
        else:
            path.unlink()
    return changed
