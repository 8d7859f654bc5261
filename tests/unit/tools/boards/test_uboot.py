"""Where U-Boot keeps its environment is where Linux looks for it: the partitions of both copies."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.unit.tools.boards.conftest import ROOT
from tools.boards import generate, uboot
from tools.boards.board import ENVIRONMENT

BOARDS = {name: board for name, board in generate.boards(ROOT).items() if board.u_boot}
by_name = pytest.mark.parametrize("name", BOARDS)


def options(text: str) -> dict[str, str]:
    return dict(line.removeprefix("CONFIG_").split("=", 1) for line in text.splitlines() if not line.startswith("#"))


@by_name
def test_both_sides_agree_on_the_environment(name: str) -> None:
    nor, u_boot = BOARDS[name].nor, BOARDS[name].u_boot
    assert nor
    assert u_boot
    first, second = (nor.named(copy) for copy in ENVIRONMENT)
    assert first
    assert second
    found = options(uboot.fragment(nor, u_boot))
    place = "ENV_ADDR" if u_boot.environment == "cfi" else "ENV_OFFSET"
    assert [int(found[key], 16) for key in (place, f"{place}_REDUND")] == [first.offset, second.offset]
    assert int(found["ENV_SIZE"], 16) == first.size
    rows = [line.split() for line in uboot.fw_env_config(nor).splitlines() if not line.startswith("#")]
    assert [row[0] for row in rows] == ["/dev/mtd/by-name/env", "/dev/mtd/by-name/env-redundant"]
    assert {tuple(int(number, 16) for number in row[1:]) for row in rows} == {(0, first.size, nor.erase)}


@pytest.mark.parametrize(
    ("release", "option"),
    [("2025.01", "SYS_REDUNDAND_ENVIRONMENT"), ("2025.07", "SYS_REDUNDAND_ENVIRONMENT"), ("2025.10", "ENV_REDUNDANT")],
)
def test_redundancy_has_the_name_that_the_release_knows(release: str, option: str) -> None:
    board = BOARDS["rock-5b"]
    assert board.nor
    assert board.u_boot
    found = options(uboot.fragment(board.nor, dataclasses.replace(board.u_boot, release=release)))
    assert [key for key in found if "REDUNDAN" in key] == [option]


@by_name
def test_the_boot_script_is_told_where_recovery_lies(name: str) -> None:
    file: Path = ROOT / generate.GENERATED / name / "u-boot.env"
    told = dict(line.split("=", 1) for line in file.read_text().splitlines()[1:])
    board = BOARDS[name]
    assert board.nor
    recovery = board.nor.named("recovery")
    assert recovery
    assert (int(told["nor_recovery"], 16), int(told["nor_recovery_size"], 16)) == (recovery.offset, recovery.size)
    assert told["console"] == f"{board.console.device},{board.console.baud}"
