"""What a board's description holds: the keys of `boot/boards/NAME.toml`, a class for each table.

Sizes and offsets are bytes: an integer, or a string such as "64 KiB". `holds` is a remark for the documents. A key
with a default may be left out. `at` is where in the file the table stands, for messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

At = tuple[str | int, ...]
"""Keys, and numbers in arrays, from the top of the file."""

ENVIRONMENT: Final = ("env", "env-redundant")
"""The partitions with U-Boot's environment."""


ALIGNED: Final = 1 << 20
"""Where partitions of a disk begin."""


class Bytes(int):
    """A number of bytes, which a description may give as "64 KiB"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    at: At
    device: str
    """Linux's name of the serial port."""
    baud: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NorPartition:
    at: At
    name: str
    offset: Bytes
    size: Bytes
    holds: str
    read_only: bool = False
    """Linux may not write it."""

    @property
    def end(self) -> int:
        return self.offset + self.size


@dataclass(frozen=True, slots=True, kw_only=True)
class Nor:
    at: At
    chip: str
    size: Bytes
    erase: Bytes
    """What is erased at once."""
    node: str
    """Path of the chip in the board's device tree."""
    mtd: str
    """Linux's name of the device, for `mtdparts`."""
    partitions: tuple[NorPartition, ...]

    def named(self, name: str) -> NorPartition | None:
        return next((partition for partition in self.partitions if partition.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    at: At
    name: str
    holds: str
    compression: Literal["none", "lzo", "zstd"]
    size: Bytes | None = None
    """None takes what is left; one volume must."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nand:
    at: At
    chip: str
    size: Bytes
    block: Bytes
    page: Bytes
    spare: Bytes
    """Out-of-band bytes of a page."""
    cycles: int
    """Erases that a block is rated for."""
    volumes: tuple[Volume, ...]
    option: bool = False
    """Not on every box: without it the volumes are directories on the data disk."""
    subpage: Bytes | None = None
    """What can be programmed at once where that is less than a page."""
    bad_per_1024: int = 20
    """Blocks that may go bad; the kernel's default, and what makers promise."""
    mtd: str | None = None
    """Linux's name of the device, for `mtdparts`."""
    node: str | None = None
    """Path of its SPI controller in the board's device tree."""
    max_hz: int | None = None
    rockchip_pins: tuple[tuple[int, ...], ...] = ()
    """(bank, pin, function) of each pin of the controller, where its own device tree routes it elsewhere."""
    nandsim_id: tuple[int, ...] = ()
    """Makes the kernel's nandsim such a chip."""

    @property
    def blocks(self) -> int:
        return self.size // self.block

    @property
    def leb(self) -> int:
        """Bytes of a logical erase block: UBI's two headers take a page each, or share one in subpages."""
        return self.block - (self.page if self.subpage else 2 * self.page)

    @property
    def usable_blocks(self) -> int:
        """For volumes, at worst: UBI keeps two for its table, one to move blocks, one to change one atomically."""
        reserve = -(-self.blocks * self.bad_per_1024 // 1024)
        return self.blocks - reserve - 4


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskPartition:
    at: At
    name: str
    """Label in the GPT."""
    holds: str
    size: Bytes | None = None
    """None takes what is left; the last one may."""
    start: Bytes | None = None
    """None follows the one before, from a whole MiB on."""
    slot: Literal["A", "B"] | None = None
    image: Literal["rootfs", "boot", "recovery", "firmware"] | None = None
    """What of an update goes here. Recovery and firmware belong to no slot."""
    type: Literal["raw", "ext4", "vfat"] = "raw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    at: At
    device: str
    size: Bytes
    """The smallest that will do."""
    partitions: tuple[DiskPartition, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        """Where each partition begins."""
        found, free = [], 0
        for partition in self.partitions:
            start = -(-max(free, ALIGNED) // ALIGNED) * ALIGNED if partition.start is None else partition.start
            found.append(start)
            free = start + (partition.size or 0)
        return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class UBoot:
    at: At
    release: str
    defconfig: str
    environment: Literal["cfi", "spi"]
    """The kind of flash that the environment is in."""
    disk: str
    """U-Boot's name of the disk: interface and number."""
    options: tuple[str, ...] = ()
    """More lines for its configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    at: At
    bootloader: Literal["uboot", "custom"]
    handler: str | None = None
    """RAUC's handler for a custom one, beside system.conf."""
    attempts: int = 3
    """How often a slot is tried before the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    at: At
    title: str
    soc: str
    compatible: str
    """The first one in the board's device tree."""
    machine: str
    """Yocto's."""
    console: Console
    disk: Disk
    update: Update
    nor: Nor | None = None
    """None where the NOR is not ours to write."""
    nand: Nand | None = None
    u_boot: UBoot | None = None
