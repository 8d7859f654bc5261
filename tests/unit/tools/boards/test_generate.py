"""The generated files of this checkout are those that its descriptions give; the generator keeps them so."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage.boards import RATED_CYCLES
from tests.unit.tools.boards.conftest import ROOT
from tools.boards import generate
from tools.boards.__main__ import main

NAMES = sorted(path.stem for path in (ROOT / "boot/boards").glob("*.toml"))


def test_everything_generated_is_fresh() -> None:
    assert generate.outdated(ROOT) == [], "run `make boards` and commit what it writes"


def test_the_boards_of_the_design_are_described() -> None:
    assert NAMES == ["jetson-orin-nano", "rock-5b", "virt-arm64"]


def test_a_change_reaches_every_file_that_follows_from_it(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    board = checkout / "boot/boards/rock-5b.toml"
    board.write_text(
        board.read_text().replace("offset = 0x31_0000", "offset = 0x35_0000", 1).replace("0x32_0000", "0x31_0000")
    )
    assert main(["--check"], checkout) == 1
    assert main([], checkout) == 0
    written = {line.removeprefix("written: ") for line in capsys.readouterr().out.splitlines() if "written" in line}
    folder = "boot/generated/rock-5b"
    assert written == {"docs/BOARDS.md", *(f"{folder}/{name}" for name in ("nor.dtso", "mtdparts", "u-boot.cfg"))}
    assert "CONFIG_ENV_OFFSET_REDUND=0x350000\n" in (checkout / folder / "u-boot.cfg").read_text()
    assert "(env-redundant)" in (checkout / folder / "mtdparts").read_text()
    assert main(["--check"], checkout) == 0
    assert generate.write(checkout) == []


def test_what_was_generated_for_a_board_that_is_no_more_goes(checkout: Path) -> None:
    (checkout / "boot/boards/jetson-orin-nano.toml").unlink()
    assert checkout / "boot/generated/jetson-orin-nano/system.conf" in generate.outdated(checkout)
    generate.write(checkout)
    assert not list((checkout / "boot/generated").glob("jetson*/*"))
    assert "jetson" not in (checkout / "docs/BOARDS.md").read_text().partition(generate.BEGIN)[2].lower()


def test_a_wrong_description_writes_nothing_and_is_told_in_one_line(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = checkout / "boot/boards/virt-arm64.toml"
    board.write_text(board.read_text().replace('title = "QEMU', 'titel = "QEMU'))
    before = (checkout / "docs/BOARDS.md").read_text()
    (checkout / "boot/generated/rock-5b/mtdparts").unlink()
    assert main([], checkout) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"boards: {board}:4: there is no key 'titel' here; the keys are title, ")
    assert (checkout / "docs/BOARDS.md").read_text() == before
    assert not (checkout / "boot/generated/rock-5b/mtdparts").exists()


def test_a_document_without_a_place_for_the_tables(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (checkout / "docs/BOARDS.md").write_text("# Boards\n")
    assert main([], checkout) == 1
    assert "has no place for the tables" in capsys.readouterr().err


def test_the_text_around_the_tables_is_kept(checkout: Path) -> None:
    path = checkout / "docs/BOARDS.md"
    text = path.read_text()
    path.write_text("one\n" + text[text.index(generate.BEGIN) : text.index(generate.END)] + generate.END + "\ntwo\n")
    generate.write(checkout)
    kept = path.read_text()
    assert kept.startswith(f"one\n{generate.BEGIN}\n\n| board | SoC |")
    assert kept.endswith(f"|\n\n{generate.END}\ntwo\n")


def test_every_board_with_a_nand_has_its_rating() -> None:
    described = generate.boards(ROOT).values()
    assert {board.compatible: board.nand.cycles for board in described if board.nand} == RATED_CYCLES
