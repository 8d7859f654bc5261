"""The tables of docs/BOARDS.md: boards side by side, then the partitions and volumes of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tools.boards.board import Board

_UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def tables(boards: Sequence[Board]) -> str:
    heads = ("board", "SoC", "NOR", "NAND", "disk", "console", "Yocto machine")
    parts = [_table(heads, (_summary(board) for board in boards))]
    for board in boards:
        parts += [f"### {board.title}", _table(("where", "name", "offset", "size", "holds"), _places(board))]
    return "\n\n".join(parts)


def _summary(board: Board) -> tuple[str, ...]:
    nand = board.nand
    return (
        f"{board.title} (`{board.compatible}`)",
        board.soc,
        f"{board.nor.chip}, {_size(board.nor.size)}, erases {_size(board.nor.erase)}" if board.nor else "not ours",
        f"{'option: ' if nand.option else ''}{nand.chip}, {_size(nand.size)}, blocks of {_size(nand.block)}, "
        f"pages of {nand.page} + {nand.spare}, {nand.cycles:,} erases"
        if nand
        else "none",
        f"`{board.disk.device}`, {_size(board.disk.size)} or more",
        f"`{board.console.device}`, {board.console.baud} baud",
        f"`{board.machine}`",
    )


def _places(board: Board) -> Iterable[tuple[str, ...]]:
    for part in board.nor.partitions if board.nor else ():
        yield "NOR", f"`{part.name}`", f"{part.offset:#x}", _size(part.size), part.holds
    for volume in board.nand.volumes if board.nand else ():
        yield "NAND", f"`{volume.name}`", "", _size(volume.size), f"{volume.holds}; compression {volume.compression}"
    for disk in board.disk.partitions:
        slot = f"slot {disk.slot}: " if disk.slot else ""
        yield "disk", f"`{disk.name}`", "", _size(disk.size), slot + disk.holds


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _size(size: int | None) -> str:
    if size is None:
        return "the rest"
    factor, unit = next(((factor, unit) for factor, unit in _UNITS if size % factor == 0), (1, "B"))
    return f"{size // factor} {unit}"
