"""The content of a board's NAND: UBI with the board's volumes, empty.

UBIFS makes its file system in an empty volume when it is first mounted, as large as the chip turns out to be; so the
image is a few blocks long and writes in a second.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.boards import flash
from tools.boards.board import Board

SEQUENCE: Final = 0x6D6F7574
"""UBI's number of the image, which ubinize would draw: the same for all boxes, as the image is."""


def image(board: Board, target: Path) -> None:
    """`InputError` for a board without NAND."""
    if board.nand is None:
        raise InputError(f"{board.title} has no NAND")
    nand = board.nand
    configuration = target.with_name(f"{target.name}.cfg")
    configuration.write_text(flash.ubinize(nand))
    command = ["ubinize", "--min-io-size", str(nand.page), "--peb-size", str(nand.block)]
    if nand.subpage:
        command += ["--sub-page-size", str(nand.subpage)]
    command += ["--image-seq", str(SEQUENCE), "--output", str(target), str(configuration)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    finally:
        configuration.unlink()
