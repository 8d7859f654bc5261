"""Erase counters of many blocks in few numbers: a histogram, and a map small enough for a page.

`counters` are pairs of a block's number and how often it was erased, in order; a block that is not among them is bad.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

BINS: Final = 16
CELLS: Final = 512


def histogram(counters: Sequence[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """(from, to, blocks erased so often), both ends included, `BINS` at most, of equal width."""
    if not counters:
        return []
    counts = [count for _, count in counters]
    low, high = min(counts), max(counts)
    width = (high - low) // BINS + 1
    bins = [0] * ((high - low) // width + 1)
    for count in counts:
        bins[(count - low) // width] += 1
    return [(low + index * width, low + (index + 1) * width - 1, blocks) for index, blocks in enumerate(bins)]


def wear_map(counters: Sequence[tuple[int, int]], blocks: int) -> dict[str, Any]:
    """The `blocks` of a chip in the order of their numbers, `CELLS` cells at most.

    `cells` holds the highest counter in each cell, None where all blocks are bad; `bad` the cells with a bad block;
    `blocks_per_cell` how many blocks a cell stands for.
    """
    each = max(1, -(-blocks // CELLS))
    cells: list[int | None] = [None] * -(-blocks // each)
    sound = [0] * len(cells)
    for number, count in counters:
        if number < blocks:
            cell = number // each
            sound[cell] += 1
            cells[cell] = max(cells[cell] or 0, count)
    bad = [cell for cell in range(len(cells)) if sound[cell] < min(each, blocks - cell * each)]
    return {"blocks_per_cell": each, "cells": cells, "bad": bad}
