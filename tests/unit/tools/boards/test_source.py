"""Descriptions of boards are read whole or refused, with the file and the line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.boards import source


def refused(path: Path, text: str) -> InputError:
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        source.read(path)
    return caught.value


@pytest.fixture
def description(checkout: Path) -> Path:
    return checkout / "boot/boards/rock-5b.toml"


def test_sizes_are_bytes_however_they_are_written(description: Path) -> None:
    board, _ = source.read(description)
    assert board.nor
    assert board.nand
    assert (board.nor.size, board.nor.partitions[1].offset) == (16 << 20, 0x300000)
    assert [volume.size for volume in board.nand.volumes] == [32 << 20, None]
    assert board.nand.rockchip_pins[0] == (1, 9, 8)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('soc = "Rockchip RK3588"', 'sock = "Rockchip RK3588"', "there is no key 'sock' here"),
        ('name = "model"', 'nmae = "model"', "there is no key 'nmae' here"),
        ("[update]", "[updates]", "there is no key 'updates' here"),
        ('size = "16 MiB"', "size = true", "nor.size must be a size"),
        ('size = "16 MiB"', 'size = "16 MB"', "'16 MB' is not a size"),
        ('size = "16 MiB"', "size = -1", "nor.size must not be negative"),
        ("offset = 0x30_0000", 'offset = "a"', "'a' is not a size"),
        ("baud = 1_500_000", 'baud = "fast"', "console.baud must be an integer"),
        ("option = true", "option = 1", "nand.option must be true or false"),
        ('bootloader = "uboot"', 'bootloader = "grub"', "'grub' is not one of 'uboot', 'custom'"),
        ("[console]", "[[console]]", "console must be a table"),
        ("rockchip_pins = [[1, 9, 8],", "rockchip_pins = [7, [1, 9, 8],", "nand.rockchip_pins.0 must be an array"),
        ('soc = "Rockchip RK3588"', "soc = Rockchip", "Invalid value"),
    ],
)
def test_the_line_that_is_wrong_is_named(description: Path, old: str, new: str, message: str) -> None:
    text = description.read_text().replace(old, new, 1)
    line = text[: text.index(new)].count("\n") + 1
    error = refused(description, text)
    assert error.message.startswith(f"{description}:{line}: ")
    assert message in error.message


@pytest.mark.parametrize(
    ("without", "table"),
    [('defconfig = "rock5b-rk3588_defconfig"', "[u_boot]"), ("offset = 0x36_0000", 'name = "model"')],
)
def test_what_is_missing_is_put_down_to_its_table(description: Path, without: str, table: str) -> None:
    text = description.read_text().replace(f"{without}\n", "", 1)
    key = without.split(" ")[0]
    # A partition's table begins in the line before its name.
    line = text[: text.index(table)].count("\n") + (1 if table.startswith("[") else 0)
    error = refused(description, text)
    assert error.message.startswith(f"{description}:{line}: {key!r} is missing in [")


def test_what_is_missing_at_the_top_is_put_down_to_the_first_line(description: Path) -> None:
    error = refused(description, description.read_text().replace('machine = "rock-5b"\n', ""))
    assert error.message == f"{description}:1: 'machine' is missing"


def test_a_description_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        source.read(tmp_path / "absent.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        source.read(tmp_path / "binary.toml")
