"""What the kernel tells of the wear of raw NAND: UBI's and MTD's sysfs, and UBI's debugfs.

    /sys/class/ubi/ubiN/            max_ec, bad_peb_count, reserved_for_bad, ro_mode, total_eraseblocks, ...
    /sys/class/ubi/ubiN_V/          name, reserved_ebs, corrupted        (a volume)
    /sys/class/mtd/mtdN/            erasesize, corrected_bits, ecc_failures
    /sys/kernel/debug/ubi/ubiN/detailed_erase_block_info                 each good block's erase counter; for root only

The meaning of the files is that of the kernel's Documentation/ABI/stable/sysfs-class-ubi, testing/sysfs-class-mtd and
drivers/mtd/ubi/debug.c. A file that is missing (an older kernel, no debugfs, no rights) leaves its value None; nothing
here raises, and nothing is written.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

_DEBUGFS = "sys/kernel/debug/ubi"
_BLOCK = re.compile(r"^(\d+)\s+(\d+)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class UbiVolume:
    name: str
    blocks: int
    """Logical blocks that are reserved for it."""
    corrupted: bool


@dataclass(frozen=True, slots=True)
class UbiDevice:
    """One UBI device. "Blocks" are physical erase blocks; an erase counter says how often one was erased."""

    name: str
    mtd: str
    blocks: int
    """All of them but the bad ones."""
    block_bytes: int
    leb_bytes: int
    """What a logical erase block holds: a block less UBI's headers."""
    page_bytes: int
    max_erases: int
    bad_blocks: int
    reserve: int | None
    """Blocks that stand by for those which will go bad; None where the chip knows no bad blocks."""
    read_only: bool
    corrected_bits: int | None
    """Bit errors that the chip's code has mended since the kernel started."""
    unreadable: int | None
    """Reads since then that it could not mend."""
    counters: tuple[tuple[int, int], ...]
    """(number of the block, its erase counter) of the good ones, in order; empty without debugfs."""
    volumes: tuple[UbiVolume, ...]

    @property
    def erases(self) -> int | None:
        """Erases of all blocks so far."""
        return sum(count for _, count in self.counters) if self.counters else None

    @property
    def mean_erases(self) -> float | None:
        return sum(count for _, count in self.counters) / len(self.counters) if self.counters else None


def devices(root: Path = Path("/")) -> list[UbiDevice]:
    """Every UBI device that is attached, in the order of their numbers."""
    found = (root / "sys/class/ubi").glob("ubi[0-9]*")
    names = sorted((path for path in found if "_" not in path.name), key=lambda path: int(path.name[3:]))
    return [_device(path, root) for path in names]


def _device(path: Path, root: Path) -> UbiDevice:
    number = _number(path / "mtd_num")
    mtd = root / f"sys/class/mtd/mtd{number}"
    bad_blocks = _number(path / "bad_peb_count") or 0
    leb_bytes = _number(path / "eraseblock_size") or 0
    return UbiDevice(
        name=path.name,
        mtd=_text(mtd / "name") or f"mtd{number}",
        blocks=_number(path / "total_eraseblocks") or 0,
        block_bytes=_number(mtd / "erasesize") or leb_bytes,
        leb_bytes=leb_bytes,
        page_bytes=_number(mtd / "writesize") or _number(path / "min_io_size") or 0,
        max_erases=_number(path / "max_ec") or 0,
        bad_blocks=bad_blocks,
        reserve=_number(path / "reserved_for_bad"),
        read_only=bool(_number(path / "ro_mode")),
        corrected_bits=_number(mtd / "corrected_bits"),
        unreadable=_number(mtd / "ecc_failures"),
        counters=_counters(root / _DEBUGFS / path.name / "detailed_erase_block_info"),
        volumes=tuple(_volume(volume) for volume in sorted(path.parent.glob(f"{path.name}_*"))),
    )


def _volume(path: Path) -> UbiVolume:
    name = _text(path / "name") or path.name
    return UbiVolume(name, _number(path / "reserved_ebs") or 0, bool(_number(path / "corrupted")))


def _counters(path: Path) -> tuple[tuple[int, int], ...]:
    return tuple((int(block), int(count)) for block, count in _BLOCK.findall(_text(path)))


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return ""


def _number(path: Path) -> int | None:
    with contextlib.suppress(ValueError):
        return int(_text(path), 0)
    return None
