"""Writes NOR and eMMC of a Rockchip board over USB: rkdeveloptool, with the board in Maskrom mode.

The chip's ROM takes a loader into memory, which then reads and writes the flash. All that is written is read back.
Sectors have 512 bytes.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline.progress import Job
from tools.flash import disk
from tools.flash.disk import Extent

_SECTOR: Final = 512
_PIECE: Final = 32 << 20
_EMMC: Final = "1"
_NOR: Final = "9"


def find() -> str:
    """The one board in Maskrom mode, as rkdeveloptool shows it.

    `InputError` for none or several, and for a rkdeveloptool that knows of one flash only: Debian 12's.
    """
    if "ChangeStorage" not in _tool("-h"):
        raise InputError(
            "this rkdeveloptool cannot choose between NOR and eMMC", hint="docs/FLASHING.md says where to get one"
        )
    lines = [line for line in _tool("ld").splitlines() if "Maskrom" in line or "Loader" in line]
    if len(lines) != 1:
        number = "no board" if not lines else f"{len(lines)} boards"
        raise InputError(
            f"{number} in Maskrom mode on USB",
            hint="connect one board, and hold its Maskrom button while the power comes: docs/FLASHING.md",
        )
    return lines[0].strip()


def flash(loader: Path, nor: Path, image: Path, job: Job) -> None:
    """`UnhealthyError` when the board fails, or does not give back what was written to it."""
    _tool("db", str(loader))
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        _tool("cs", _NOR)
        _write("NOR", nor, [Extent(0, nor.stat().st_size)], scratch, job)
        _tool("cs", _EMMC)
        fitted = scratch / "disk.img"
        disk.fit(image, _size(), fitted)
        _write("eMMC", fitted, disk.extents(fitted), scratch, job)
    _tool("rd")


def _size() -> int:
    found = re.search(r"Flash Size:\s*(\d+)\s*MB", _tool("rfi"))
    if not found:
        raise UnhealthyError("the board does not say how large its eMMC is", hint="is the module seated?")
    return int(found[1]) << 20


def _write(name: str, image: Path, todo: list[Extent], scratch: Path, job: Job) -> None:
    total = sum(part.end - part.start for part in todo)
    done = 0
    written, returned = scratch / "written", scratch / "returned"
    with image.open("rb") as source:
        for start, end in _pieces(todo):
            source.seek(start)
            written.write_bytes(source.read(end - start))
            _tool("wl", str(start // _SECTOR), str(written))
            _tool("rl", str(start // _SECTOR), str((end - start) // _SECTOR), str(returned))
            if written.read_bytes() != returned.read_bytes():
                raise UnhealthyError(f"the {name} does not give back what was written to it, near byte {start}")
            done += end - start
            job.step(name, done, total)


def _pieces(todo: list[Extent]) -> list[tuple[int, int]]:
    """Whole sectors, small enough that progress is seen."""
    sectors = [(part.start // _SECTOR * _SECTOR, -(-part.end // _SECTOR) * _SECTOR) for part in todo]
    return [(at, min(at + _PIECE, end)) for start, end in sectors for at in range(start, end, _PIECE)]


def _tool(*arguments: str) -> str:
    try:
        done = subprocess.run(["rkdeveloptool", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise InputError("rkdeveloptool is not installed", hint="on Debian: apt-get install rkdeveloptool") from None
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise UnhealthyError(f"rkdeveloptool {arguments[0]} failed: {said[-1] if said else done.returncode}")
    return done.stdout
