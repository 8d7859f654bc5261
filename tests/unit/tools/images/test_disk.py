"""The disk image: a table that others read, and the contents in their places."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError
from tools.boards.board import Board
from tools.images import disk
from tools.images.__main__ import board

ENVIRONMENT = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}


@pytest.fixture(autouse=True)
def needs_sfdisk() -> None:
    if not shutil.which("sfdisk", path=ENVIRONMENT["PATH"]):
        pytest.skip("fdisk is not installed")


def table(image: Path) -> dict[str, dict[str, Any]]:
    command = ["sfdisk", "--json", str(image)]
    shown = subprocess.run(command, env=ENVIRONMENT, check=True, capture_output=True, text=True).stdout
    return {one["name"]: one for one in json.loads(shown)["partitiontable"]["partitions"]}


def test_the_partitions_are_those_of_the_board_and_filled(rock: Board, tmp_path: Path) -> None:
    content = tmp_path / "root"
    content.write_bytes(b"\0" * (3 << 20) + b"root" + b"\0" * (1 << 20))
    image = tmp_path / "disk.img"
    disk.image(rock, {"root-b": content}, image)
    found = table(image)
    assert list(found) == [one.name for one in rock.disk.partitions]
    for partition in rock.disk.partitions:
        if partition.size:
            assert found[partition.name]["size"] * 512 == partition.size
    start = found["root-b"]["start"] * 512
    with image.open("rb") as file:
        file.seek(start)
        assert file.read(content.stat().st_size) == content.read_bytes()
    assert image.stat().st_blocks * 512 < 16 << 20


@pytest.mark.parametrize("name", ["rock-5b", "virt-arm64"])
def test_recovery_lies_bare_in_the_partition_that_u_boot_looks_for(name: str, tmp_path: Path) -> None:
    content = tmp_path / "recovery.fit"
    content.write_bytes(b"\xd0\x0d\xfe\xed" + b"recovery" * (3 << 17))
    image = tmp_path / "disk.img"
    disk.image(board(name), {"recovery": content}, image)
    with image.open("rb") as file:
        file.seek(table(image)["recovery"]["start"] * 512)
        assert file.read(content.stat().st_size) == content.read_bytes()


def test_firmware_lies_where_the_rom_and_spl_look_for_it(rock: Board, tmp_path: Path) -> None:
    content = tmp_path / "u-boot-rockchip.bin"
    # CONFIG_SPL_PAD_TO is where U-Boot's FIT lies in it.
    content.write_bytes(b"RKNS".ljust(0x7F_8000, b"\xff") + b"\xd0\x0d\xfe\xed" + b"u-boot" * 200_000)
    image = tmp_path / "disk.img"
    disk.image(rock, {"u-boot": content}, image)
    with image.open("rb") as file:
        file.seek(64 * 512)
        assert file.read(4) == b"RKNS"
        file.seek(16384 * 512)
        assert file.read(4) == b"\xd0\x0d\xfe\xed"
    found = table(image)
    assert found["u-boot"]["start"] == 64
    assert found["boot-a"]["start"] == found["u-boot"]["start"] + found["u-boot"]["size"] == (16 << 20) // 512
    shown = subprocess.run(
        ["sfdisk", "--verify", str(image)], env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    assert "No errors detected" in shown.stdout


def test_the_same_parts_give_the_same_bytes(rock: Board, tmp_path: Path) -> None:
    for name in ("one", "other"):
        disk.image(rock, {}, tmp_path / name)
    heads = []
    for name in ("one", "other"):
        with (tmp_path / name).open("rb") as file:
            head = file.read(2 << 20)
            file.seek(-(2 << 20), os.SEEK_END)
            heads.append(head + file.read())
    assert heads[0] == heads[1]


def test_what_does_not_fit_is_refused(rock: Board, tmp_path: Path) -> None:
    content = tmp_path / "boot"
    with content.open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(InputError, match="does not fit the partition boot-a"):
        disk.image(rock, {"boot-a": content}, tmp_path / "disk.img")


def test_an_unknown_partition_is_refused_before_anything_is_written(rock: Board, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no partition 'root'"):
        disk.image(rock, {"root": tmp_path}, tmp_path / "disk.img")
    assert not (tmp_path / "disk.img").exists()
