"""What a board should have is read from the file that the image's builder makes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from appliance.console.recovery.layout import Layout, UbiVolume
from appliance.errors import UnhealthyError
from tools.boards import source
from tools.recovery_image import contents


@pytest.mark.parametrize("name", ["virt-arm64", "rock-5b", "jetson-orin-nano"])
def test_what_the_builder_writes_is_understood(tmp_path: Path, name: str) -> None:
    board = source.read(contents.ROOT / f"boot/boards/{name}.toml")[0]
    (tmp_path / "board.json").write_text(json.dumps(contents.layout(name, board)))
    found = Layout.read(tmp_path / "board.json")
    assert (found.board, found.title, found.disk) == (name, board.title, board.disk.device)
    assert [part.name for part in found.partitions] == [part.name for part in board.disk.partitions]
    assert [part.start for part in found.partitions] == list(board.disk.starts)
    assert [volume.name for volume in found.nand] == [
        volume.name for volume in (board.nand.volumes if board.nand else ())
    ]
    assert found.environment == (board.nor is not None)
    assert found.whole == (name != "jetson-orin-nano")


def test_the_virtual_boards_volumes(tmp_path: Path) -> None:
    board = source.read(contents.ROOT / "boot/boards/virt-arm64.toml")[0]
    (tmp_path / "board.json").write_text(json.dumps(contents.layout("virt-arm64", board)))
    assert Layout.read(tmp_path / "board.json").nand == (
        UbiVolume("state", 32 << 20, "zstd"),
        UbiVolume("cache", 0, "none"),
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"board": "x", "title": "x", "disk": "x", "partitions": [1]}'])
def test_a_file_that_says_nothing_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "board.json").write_text(text)
    with pytest.raises(UnhealthyError, match="does not say what this board has"):
        Layout.read(tmp_path / "board.json")
