"""Which devices are there, as the kernel's sysfs tells. Nothing here opens a device, and nothing raises.

/sys/class/mtd/mtdN/{name,type}          flash and its partitions
/sys/class/block/NAME/uevent             PARTNAME=label of a GPT partition
/sys/class/block/NAME/../uevent          the disk that a partition is of
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAND: Final = ("nand", "mlc-nand")
_NO_DISK: Final = ("loop", "ram", "zram", "dm-", "mtdblock", "ubiblock", "sr", "fd", "nbd")


def mtd(name: str, root: Path = Path("/")) -> Path | None:
    """The flash partition of that name."""
    for entry in _mtds(root):
        if _text(entry / "name") == name:
            return root / "dev" / entry.name
    return None


def nand(root: Path = Path("/")) -> int | None:
    """The number of the MTD device that UBI lies on: the partition of that name, else the first NAND chip."""
    named = [entry for entry in _mtds(root) if _text(entry / "name") == "ubi"]
    chips = [entry for entry in _mtds(root) if _text(entry / "type") in _NAND]
    return next((int(entry.name.removeprefix("mtd")) for entry in named + chips), None)


def _mtds(root: Path) -> list[Path]:
    found = (root / "sys/class/mtd").glob("mtd*")
    plain = (path for path in found if path.name.removeprefix("mtd").isdigit())
    return sorted(plain, key=lambda path: int(path.name.removeprefix("mtd")))


@dataclass(frozen=True, slots=True)
class Block:
    """A partition, or a disk without any."""

    device: Path
    disk: str
    label: str
    size: int


def blocks(root: Path = Path("/")) -> Iterator[Block]:
    """Every partition, and every disk as a whole."""
    for entry in sorted((root / "sys/class/block").glob("*")):
        if entry.name.startswith(_NO_DISK):
            continue
        parent = entry.resolve().parent.name if (entry / "partition").exists() else entry.name
        with contextlib.suppress(ValueError):
            size = int(_text(entry / "size")) * 512
            yield Block(root / "dev" / entry.name, str(root / "dev" / parent), _label(entry), size)


def partition(label: str, disk: str, root: Path = Path("/")) -> Path | None:
    """The partition of the board's disk that has this label."""
    return next((one.device for one in blocks(root) if one.label == label and one.disk == disk), None)


def is_there(disk: str, root: Path = Path("/")) -> bool:
    return any(str(one.device) == disk and one.size > 0 for one in blocks(root))


def link(disk: str, root: Path = Path("/")) -> None:
    """Make the names that udev makes on the box: `mtd/by-name/NAME`, and `disk/by-partlabel/LABEL` of its disk."""
    for folder, found in (
        ("mtd/by-name", [(_text(entry / "name"), entry.name) for entry in _mtds(root)]),
        ("disk/by-partlabel", [(one.label, one.device.name) for one in blocks(root) if one.disk == disk]),
    ):
        target = root / "dev" / folder
        target.mkdir(parents=True, exist_ok=True)
        for old in target.iterdir():
            old.unlink()
        for name, device in found:
            if name and "/" not in name:
                (target / name).symlink_to(f"../../{device}")


def _label(entry: Path) -> str:
    lines = dict(line.partition("=")[::2] for line in _text(entry / "uevent").splitlines())
    return lines.get("PARTNAME", "")


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return ""
