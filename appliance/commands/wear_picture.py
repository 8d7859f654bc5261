"""The wear of a NAND dump as a picture: how many blocks were erased how often, and where on the chip they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from appliance.storage import atomic, erase_counts
from appliance.storage.nand_dump import NandDump

_WIDTH: Final = 1200
_EDGE: Final = 48
_BARS: Final = 320
"""Height of the histogram."""
_CELL: Final = 17
_ROW: Final = 64
"""Cells in a row of the map."""
_PAPER: Final = (255, 255, 255)
_INK: Final = (23, 23, 28)
_MUTED: Final = (93, 92, 102)
_FRESH: Final = (222, 226, 251)
_WORN: Final = (30, 39, 140)
_BAD: Final = (179, 38, 30)
_BLANK: Final = (224, 222, 215)


def draw(found: NandDump, title: str, out: Path) -> None:
    """Write the picture as PNG; it appears whole or not at all."""
    shown = erase_counts.wear_map(found.counters, found.blocks)
    rows = -(-len(shown["cells"]) // _ROW)
    top = _EDGE + 96
    below = top + _BARS + 110
    picture = Image.new("RGB", (_WIDTH, below + rows * _CELL + 64), _PAPER)
    pen = ImageDraw.Draw(picture)
    _write(pen, (_EDGE, _EDGE - 8), title, 28, _INK)
    told = (
        f"{found.blocks:,} blocks of {found.block_bytes // 1024} KiB · erased {found.mean_erases:,.1f} times "
        f"on average, {found.max_erases:,} at most · {len(found.bad)} bad, {len(found.blank)} blank, "
        f"{len(found.damaged)} damaged"
    )
    _write(pen, (_EDGE, _EDGE + 32), told, 17, _MUTED)
    _histogram(pen, erase_counts.histogram(found.counters), top)
    each = shown["blocks_per_cell"]
    _write(pen, (_EDGE, below - 34), f"Each square is {'a block' if each == 1 else f'{each} blocks'}", 17, _MUTED)
    lowest, bad = min(count for _, count in found.counters), set(found.bad)
    for cell, count in enumerate(shown["cells"]):
        here = range(cell * each, min((cell + 1) * each, found.blocks))
        colour = _BLANK if count is None else _shade((count - lowest) / max(found.max_erases - lowest, 1))
        if any(block in bad for block in here):
            colour = _BAD
        x, y = _EDGE + cell % _ROW * _CELL, below + cell // _ROW * _CELL
        pen.rectangle((x, y, x + _CELL - 3, y + _CELL - 3), fill=colour)
    foot = f"light: {lowest:,} erases, dark: {found.max_erases:,}; red: marked bad; grey: no counter"
    _write(pen, (_EDGE, below + rows * _CELL + 14), foot, 17, _MUTED)
    with atomic.replaced_file(out, suffix=".png") as temporary:
        picture.save(temporary)


def _histogram(pen: ImageDraw.ImageDraw, bins: Sequence[tuple[int, int, int]], top: int) -> None:
    longest = max(blocks for _, _, blocks in bins)
    step = (_WIDTH - 2 * _EDGE) / max(len(bins), 8)
    floor = top + _BARS
    for index, (low, _, blocks) in enumerate(bins):
        x = _EDGE + index * step
        height = round((_BARS - 30) * blocks / longest)
        if blocks:
            pen.rectangle((x, floor - max(height, 2), x + step - 4, floor), fill=_WORN)
            _write(pen, (x, floor - max(height, 2) - 20), f"{blocks:,}", 14, _MUTED)
        if index % max(1, round(90 / step)) == 0:
            _write(pen, (x, floor + 8), f"{low:,}", 14, _MUTED)
    pen.line((_EDGE, floor + 1, _WIDTH - _EDGE, floor + 1), fill=_MUTED)
    _write(pen, (_EDGE, floor + 30), "Blocks by how often they were erased", 17, _MUTED)


def _shade(share: float) -> tuple[int, int, int]:
    red, green, blue = (round(fresh + share * (worn - fresh)) for fresh, worn in zip(_FRESH, _WORN, strict=True))
    return red, green, blue


def _write(
    pen: ImageDraw.ImageDraw, place: tuple[float, float], text: str, size: int, colour: tuple[int, int, int]
) -> None:
    pen.text(place, text, fill=colour, font=ImageFont.load_default(size))
