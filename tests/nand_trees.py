"""What a kernel with a NAND and an eMMC shows in /sys, written by hand under a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path


def ubi(root: Path, counters: Sequence[int | None] = (), **values: int) -> None:
    """One UBI device with a volume; a counter of None is a bad block. Without counters there is no debugfs."""
    good = [count for count in counters if count is not None]
    told = {
        "mtd_num": 1,
        "total_eraseblocks": len(good) or 1000,
        "eraseblock_size": 126976,
        "min_io_size": 2048,
        "max_ec": max(good, default=12),
        "bad_peb_count": len(counters) - len(good) if counters else 3,
        "reserved_for_bad": 37,
        "ro_mode": 0,
    }
    write(root / "sys/class/ubi/ubi0", told | values)
    write(root / "sys/class/ubi/ubi0_0", {"name": "state", "reserved_ebs": 40, "corrupted": 0})
    (root / "sys/class/ubi/version").write_text("1\n")
    mtd = {"name": "nand", "erasesize": 131072, "writesize": 2048, "corrected_bits": 7, "ecc_failures": 0}
    write(root / "sys/class/mtd/mtd1", {key: values.get(key, value) for key, value in mtd.items()})
    if counters:
        lines = [f"{number:<22d}\t{count:<11d}\n" for number, count in enumerate(counters) if count is not None]
        debugfs = root / "sys/kernel/debug/ubi/ubi0"
        debugfs.mkdir(parents=True, exist_ok=True)
        text = "physical_block_number\terase_count\n" + "".join(lines)
        (debugfs / "detailed_erase_block_info").write_text(text)


def emmc(root: Path, life_time: str, pre_eol_info: str = "0x01") -> None:
    card = root / "sys/bus/mmc/devices/mmc0:0001"
    write(card, {"life_time": life_time, "pre_eol_info": pre_eol_info})
    (card / "block/mmcblk0").mkdir(parents=True, exist_ok=True)


def write(folder: Path, values: Mapping[str, object]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name).write_text(f"{value}\n")


def board(root: Path, *compatible: str) -> None:
    """The device tree of a board, which says what it is compatible with, the nearest first."""
    (root / "proc/device-tree").mkdir(parents=True, exist_ok=True)
    (root / "proc/device-tree/compatible").write_text("".join(f"{name}\0" for name in compatible))
