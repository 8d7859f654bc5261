"""The NAND image, read by an independent reader of UBI."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
from ubireader.ubi import ubi_base
from ubireader.ubi_io import ubi_file

from appliance.errors import InputError
from tools.boards.board import Board
from tools.images import nand
from tools.images.__main__ import board


@pytest.fixture(autouse=True)
def needs_ubinize(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/sbin", prepend=":")
    if not shutil.which("ubinize"):
        pytest.skip("mtd-utils is not installed")


@pytest.mark.parametrize("name", ["rock-5b", "virt-arm64", "jetson-orin-nano"])
def test_the_volumes_are_those_of_the_board(name: str, tmp_path: Path) -> None:
    described = board(name).nand
    assert described is not None
    image = tmp_path / "nand.img"
    nand.image(board(name), image)
    blocks = ubi_base(ubi_file(str(image), described.block)).blocks
    assert len(blocks) == 2
    for block in blocks.values():
        found = {record.name.decode(): record.reserved_pebs for record in block.vtbl_recs}
        assert found == {"state": -(-(32 << 20) // described.leb), "cache": 1}
        assert block.ec_hdr.image_seq == nand.SEQUENCE
        assert block.ec_hdr.vid_hdr_offset == (described.subpage or described.page)


def test_the_same_board_gives_the_same_bytes(rock: Board, tmp_path: Path) -> None:
    for name in ("one", "other"):
        nand.image(rock, tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"one", "other"}


def test_a_board_without_nand_is_refused(rock: Board, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no NAND"):
        nand.image(dataclasses.replace(rock, nand=None), tmp_path / "nand.img")
