"""The kernel's parameter for partitions, and images that ubinize makes from the volumes' description."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.storage import nand_dump
from tests.unit.tools.boards.conftest import ROOT
from tools.boards import generate

BOARDS = generate.boards(ROOT)


def test_mtdparts_say_what_the_device_tree_says() -> None:
    for name, board in BOARDS.items():
        if not board.nor:
            continue
        (line,) = (ROOT / generate.GENERATED / name / "mtdparts").read_text().splitlines()
        assert " " not in line
        device, parts = line.removeprefix("mtdparts=").split(";")[0].split(":")
        assert device == board.nor.mtd
        found = re.findall(r"(0x\w+)@(0x\w+)\(([\w-]+)\)(ro)?", parts)
        assert [(int(offset, 16), int(size, 16), part, bool(ro)) for size, offset, part, ro in found] == [
            (part.offset, part.size, part.name, part.read_only) for part in board.nor.partitions
        ]


@pytest.mark.skipif(shutil.which("ubinize") is None, reason="the package mtd-utils is missing")
@pytest.mark.parametrize("name", [name for name, board in BOARDS.items() if board.nand])
def test_ubinize_makes_an_image_for_the_chip(name: str, tmp_path: Path) -> None:
    nand = BOARDS[name].nand
    assert nand
    file = ROOT / generate.GENERATED / name / "ubinize.cfg"
    command = re.search(r"^# (ubinize .*)ubinize\.cfg$", file.read_text(), re.MULTILINE)
    assert command
    subprocess.run([*command[1].split(), str(file)], cwd=tmp_path, check=True, capture_output=True)
    found = nand_dump.read(tmp_path / "ubi.img")
    assert (found.block_bytes, found.page_bytes) == (nand.block, nand.page)
