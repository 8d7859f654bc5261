"""What cannot be: partitions that overlap or do not begin where a block does, volumes that do not fit, and the like.

`check(board, source)` raises the `InputError` for the first fault; it names the line that causes it, the later
one where two do not go together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from tools.boards.board import ENVIRONMENT, At, Board, Bytes, Disk, Nand, Nor, UBoot, Update
from tools.boards.source import Source

GPT_BYTES = 17 << 10
"""The table at a disk's beginning, with the sector before it; its copy at the end has a sector less."""


def check(board: Board, source: Source) -> None:
    if board.nor:
        _nor(board.nor, source)
    if board.nand:
        _nand(board.nand, source)
    if board.u_boot:
        _u_boot(board.u_boot, board.nor, source)
    _disk(board.disk, source)
    _firmware(board, source)
    _update(board, board.update, source)


class _Named(Protocol):
    @property
    def at(self) -> At: ...
    @property
    def name(self) -> str: ...


def _names(these: Sequence[_Named], source: Source) -> None:
    seen: set[str] = set()
    for one in these:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", one.name):
            raise source.error((*one.at, "name"), f"{one.name!r} is no name", "letters, digits, - and _ will do")
        if one.name in seen:
            raise source.error((*one.at, "name"), f"there are two of the name {one.name!r}")
        seen.add(one.name)


def _nor(nor: Nor, source: Source) -> None:
    _multiple(nor.at, "size", nor.size, nor.erase, "the erase size", source)
    _names(nor.partitions, source)
    for number, partition in enumerate(nor.partitions):
        _multiple(partition.at, "offset", partition.offset, nor.erase, "the erase size", source)
        _multiple(partition.at, "size", partition.size, nor.erase, "the erase size", source)
        if not partition.size:
            raise source.error((*partition.at, "size"), f"{partition.name} is empty")
        if partition.end > nor.size:
            beyond = f"{partition.name} ends at {partition.end:#x}, beyond the chip's {nor.size:#x} bytes"
            raise source.error((*partition.at, "size"), beyond)
        for other in nor.partitions[:number]:
            if partition.offset < other.end and other.offset < partition.end:
                both = f"{partition.name} overlaps {other.name}, which is {other.offset:#x} to {other.end:#x}"
                raise source.error((*partition.at, "offset"), both)
    config = nor.named("config")
    if config and config.size < 2 * nor.erase:
        raise source.error((*config.at, "size"), "config holds two copies and must be two erase blocks at least")


def _nand(nand: Nand, source: Source) -> None:
    _multiple(nand.at, "size", nand.size, nand.block, "the block size", source)
    _multiple(nand.at, "block", nand.block, nand.page, "the page size", source)
    if nand.leb <= 0:
        raise source.error((*nand.at, "block"), "a block must have more pages than UBI's two headers take")
    _names(nand.volumes, source)
    rest = [volume for volume in nand.volumes if volume.size is None]
    if len(rest) != 1:
        at = rest[1].at if rest else nand.at
        raise source.error(at, "exactly one volume must take what is left", "give every other one a size")
    left = nand.usable_blocks
    for volume in nand.volumes:
        blocks = -(-(volume.size or 1) // nand.leb)
        if blocks > left:
            what = f"{volume.name} wants {blocks} blocks of {nand.leb} bytes, and {max(left, 0)} are left"
            kept = f"of {nand.blocks} blocks UBI can give {nand.usable_blocks} to volumes: others may go bad"
            raise source.error((*volume.at, "size"), what, kept)
        left -= blocks
    if nand.node and not nand.max_hz:
        raise source.error((*nand.at, "node"), "a chip on SPI must say its max_hz")
    for number, pin in enumerate(nand.rockchip_pins):
        if len(pin) != 3:
            raise source.error((*nand.at, "rockchip_pins", number), "a pin is [bank, pin, function]")


def _u_boot(u_boot: UBoot, nor: Nor | None, source: Source) -> None:
    if not re.fullmatch(r"\d{4}\.\d\d", u_boot.release):
        raise source.error((*u_boot.at, "release"), f"{u_boot.release!r} is no release", 'write "2026.01"')
    if not re.fullmatch(r"[a-z]+ \d+", u_boot.disk):
        raise source.error((*u_boot.at, "disk"), f"{u_boot.disk!r} is no disk", 'write "mmc 0"')
    copies = [nor and nor.named(name) for name in ENVIRONMENT]
    if not all(copies):
        where = nor.at if nor else u_boot.at
        raise source.error(where, f"U-Boot needs the NOR partitions {' and '.join(ENVIRONMENT)}")
    first, second = (copy for copy in copies if copy)
    if first.size != second.size:
        raise source.error((*second.at, "size"), "both copies of the environment must be of one size")


def _disk(disk: Disk, source: Source) -> None:
    _names(disk.partitions, source)
    free = GPT_BYTES
    for number, (partition, start) in enumerate(zip(disk.partitions, disk.starts, strict=True)):
        if partition.size is None and number != len(disk.partitions) - 1:
            raise source.error(partition.at, f"{partition.name} needs a size: only the last one takes what is left")
        if start < free:
            raise source.error((*partition.at, "start"), f"{partition.name} begins in what lies before it")
        free = start + (partition.size or 1)
        if free > disk.size - GPT_BYTES:
            raise source.error((*partition.at, "size"), f"{partition.name} does not fit on a disk of {disk.size} bytes")
        if bool(partition.slot) != (partition.image in ("rootfs", "boot")):
            key = "slot" if partition.slot else "image"
            raise source.error((*partition.at, key), "a slot and an image of a system go together")


def _firmware(board: Board, source: Source) -> None:
    """Where the disk has a bare copy, the NOR has the one that the chip's ROM prefers, and updates write both."""
    for part in board.disk.partitions:
        if part.image == "firmware" and part.type == "raw":
            twin = board.nor and board.nor.named(part.name)
            if not twin:
                raise source.error((*part.at, "name"), f"the NOR has no {part.name} for the firmware")
            if twin.read_only:
                raise source.error((*twin.at, "read_only"), f"updates write {twin.name}, so it cannot be read-only")


def _update(board: Board, update: Update, source: Source) -> None:
    if (update.bootloader == "uboot") != bool(board.u_boot):
        raise source.error((*update.at, "bootloader"), "bootloader 'uboot' and [u_boot] go together")
    if (update.bootloader == "custom") != bool(update.handler):
        raise source.error((*update.at, "bootloader"), "bootloader 'custom' and a handler go together")
    slots = {slot: [part for part in board.disk.partitions if part.slot == slot] for slot in ("A", "B")}
    for slot, parts in slots.items():
        if [part.image for part in parts].count("rootfs") != 1:
            raise source.error(board.disk.at, f"slot {slot} must have one root file system")
    for slot, other in (("A", "B"), ("B", "A")):
        theirs = [(part.image, part.size, part.type) for part in slots[other]]
        for part in slots[slot]:
            if (part.image, part.size, part.type) not in theirs:
                raise source.error(part.at, f"{part.name} has no twin of its size and type in slot {other}")


def _multiple(at: At, key: str, value: Bytes, of: Bytes, what: str, source: Source) -> None:
    if not of or value % of:
        raise source.error((*at, key), f"{key} {value:#x} is not a multiple of {what}, {of:#x}")
