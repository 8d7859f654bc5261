"""What cannot be on the real chip is refused, at the line that causes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.boards import generate, rules, source
from tools.boards.board import Board


def board(checkout: Path, name: str) -> Board:
    return source.read(checkout / f"boot/boards/{name}.toml")[0]


# Board, what is changed, into what (the line with it is the one that is named), what is said.
WRONG = [
    ("rock-5b", "offset = 0x31_0000", "offset = 0x30_0000", "env-redundant overlaps env"),
    ("rock-5b", "offset = 0x46_0000", "offset = 0x35_0000", "recovery overlaps config"),
    ("rock-5b", "offset = 0x36_0000", "offset = 0x36_1000", "offset 0x361000 is not a multiple of the erase size"),
    ("rock-5b", 'size = "1 MiB"', 'size = "1020 KiB"', "size 0xff000 is not a multiple of the erase size"),
    ("rock-5b", 'size = "11904 KiB"', 'size = "12 MiB"', "recovery ends at 0x1060000, beyond the chip's 0x1000000"),
    ("rock-5b", 'size = "1 MiB"', "size = 0", "model is empty"),
    ("rock-5b", 'size = "16 MiB"', "size = 0xff_0001", "size 0xff0001 is not a multiple of the erase size"),
    ("rock-5b", 'erase = "64 KiB"', "erase = 0", "is not a multiple of the erase size, 0x0"),
    ("rock-5b", 'name = "model"', 'name = "config"', "there are two of the name 'config'"),
    ("rock-5b", 'name = "model"', 'name = "the model"', "'the model' is no name"),
    ("virt-arm64", 'size = "512 KiB"', 'size = "256 KiB"', "config holds two copies"),
    ("rock-5b", 'size = "32 MiB"', 'size = "250 MiB"', "state wants 2065 blocks of 126976 bytes, and 2004 are left"),
    ("rock-5b", 'block = "128 KiB"', "block = 131_000", "is not a multiple of the block size"),
    ("rock-5b", "page = 2048", "page = 2000", "is not a multiple of the page size"),
    ("rock-5b", 'block = "128 KiB"', 'block = "4 KiB"', "a block must have more pages than UBI's two headers take"),
    ("rock-5b", 'compression = "none"', 'compression = "none"\nsize = "1 MiB"', "exactly one volume must take"),
    ("rock-5b", 'size = "32 MiB"', "", "exactly one volume must take what is left"),
    ("rock-5b", "max_hz = 50_000_000\n", "", "a chip on SPI must say its max_hz"),
    ("rock-5b", "[1, 9, 8]", "[1, 9]", "a pin is [bank, pin, function]"),
    ("rock-5b", 'name = "env"', 'name = "environment"', "U-Boot needs the NOR partitions env and env-redundant"),
    ("rock-5b", 'release = "2026.01"', 'release = "next"', "'next' is no release"),
    ("rock-5b", 'disk = "mmc 0"', 'disk = "mmc"', "'mmc' is no disk"),
    ("virt-arm64", 'size = "256 KiB"\nholds = "its', 'size = "512 KiB"\nholds = "its', "overlaps env-redundant"),
    ("rock-5b", 'name = "root-b"\nsize = "3 GiB"', 'name = "root-b"\nsize = "2 GiB"', "root-a has no twin"),
    ("rock-5b", 'size = "14 GiB"', 'size = "6 GiB"', "root-b does not fit on a disk of 6442450944 bytes"),
    ("rock-5b", 'name = "root-a"\nsize = "3 GiB"', 'name = "root-a"', "root-a needs a size"),
    ("rock-5b", 'start = "32 KiB"', 'start = "16 KiB"', "u-boot begins in what lies before it"),
    ("rock-5b", 'name = "root-a"', 'start = "64 MiB"\nname = "root-a"', "root-a begins in what lies before it"),
    ("rock-5b", 'name = "u-boot"\noffset', 'name = "boot"\noffset', "the NOR has no u-boot for the firmware"),
    ("rock-5b", 'size = "3 MiB"\n', 'size = "3 MiB"\nread_only = true\n', "updates write u-boot, so it cannot be read"),
    ("rock-5b", 'image = "boot"\n', "", "a slot and an image of a system go together"),
    ("jetson-orin-nano", 'name = "APP_b"', 'name = "APP"', "there are two of the name 'APP'"),
    ("jetson-orin-nano", 'slot = "B"\nimage = "rootfs"\n', "", "slot B must have one root file system"),
    ("jetson-orin-nano", 'handler = "mouthpiece-nvbootctrl"\n', "", "bootloader 'custom' and a handler go together"),
    (
        "jetson-orin-nano",
        'bootloader = "custom"',
        'bootloader = "uboot"',
        "bootloader 'uboot' and [u_boot] go together",
    ),
    ("jetson-orin-nano", 'compatible = "nvidia,p3768-0000+p3767-0005"', 'compatible = "radxa,rock-5b"', "is 'radxa,"),
]


@pytest.mark.parametrize(("name", "old", "new", "message"), WRONG, ids=[wrong[3][:40] for wrong in WRONG])
def test_what_cannot_be_is_refused(checkout: Path, name: str, old: str, new: str, message: str) -> None:
    path = checkout / f"boot/boards/{name}.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        generate.boards(checkout)
    assert message in caught.value.message
    assert caught.value.message.startswith(f"{checkout}/boot/boards/")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("rock-5b", "offset = 0x31_0000", "offset = 0x30_0000"),
        ("rock-5b", 'size = "11904 KiB"', 'size = "12 MiB"'),
        ("rock-5b", 'size = "32 MiB"', 'size = "250 MiB"'),
        ("rock-5b", 'name = "root-b"\nsize = "3 GiB"', 'name = "root-b"\nsize = "13 GiB"'),
        ("rock-5b", "[1, 9, 8]", "[1, 9]"),
        ("virt-arm64", 'name = "model"', 'name = "config"'),
    ],
)
def test_the_line_is_the_one_that_causes_it(checkout: Path, name: str, old: str, new: str) -> None:
    path = checkout / f"boot/boards/{name}.toml"
    text = path.read_text()
    # The last line of what is changed.
    line = text[: text.index(old)].count("\n") + new.count("\n") + 1
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        generate.boards(checkout)
    assert caught.value.message.startswith(f"{path}:{line}: ")


def test_what_ubi_keeps_for_itself_is_left_out(checkout: Path) -> None:
    """A board test asks the kernel for the same numbers."""
    simulated, real = board(checkout, "virt-arm64").nand, board(checkout, "rock-5b").nand
    assert simulated
    assert real
    assert (simulated.blocks, simulated.usable_blocks, simulated.leb) == (2048, 2004, 129024)
    assert (real.blocks, real.usable_blocks, real.leb) == (2048, 2004, 126976)


def test_the_shipped_descriptions_keep_the_rules(checkout: Path) -> None:
    for path in (checkout / "boot/boards").glob("*.toml"):
        rules.check(*source.read(path))
