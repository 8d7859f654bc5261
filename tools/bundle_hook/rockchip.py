"""Firmware that lies twice: in the SPI NOR, where the chip's ROM looks first, and on the disk, where it looks next.

The ROM takes a place if there is an ID block: 2 KiB with a magic word and a hash of itself (U-Boot's tools/rkcommon.c,
`struct header0_info_v2`), which says where SPL lies behind it. SPL reads U-Boot from where it came from itself. So a
copy whose ID block is invalid is passed over, whole or not.

`renew` leaves one copy alone until the other has been read back whole. In a copy the first bytes of the ID block are
the first to go and the last to come, by a write so small that it is not torn; on NOR, where bits can be cleared at any
time, that is before the erase, which takes long. The disk goes first, for the ROM prefers the NOR; unless the NOR has
no ID block, which is how an interrupted update leaves it: then the box lives on the disk's copy, and the NOR goes
first. What is there already is not written.

Errors are `InputError` for an image that is none or too large, and `UnhealthyError` for a place that does not hold what
was written to it or fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Final, Protocol

from appliance.errors import InputError, UnhealthyError
from appliance.storage import nor

DISK: Final = Path("/dev/disk/by-partlabel/u-boot")
NOR: Final = Path("/dev/mtd/by-name/u-boot")
ID_BLOCK: Final = 2048
_MAGIC: Final = b"RKNS"
_HASHED: Final = 1536


class Copy(Protocol):
    """One place for the firmware."""

    name: str
    size: int
    unit: int
    """What is written at once."""
    head: int
    """As much of the ID block as is written without being torn."""

    def read(self, offset: int, length: int) -> bytes: ...

    def write(self, offset: int, data: bytes) -> None:
        """A unit or less, from a multiple of `unit` on; but for the head of the first one, durable on return."""

    def write_head(self, data: bytes) -> None:
        """The head is clear, or `data` zeros."""


class NorCopy:
    name = "NOR"
    head = 256
    """A page of the chip: one command programs it."""

    def __init__(self, medium: nor.Medium) -> None:
        self._medium = medium
        self.size, self.unit = medium.size, medium.erase_size

    def read(self, offset: int, length: int) -> bytes:
        return self._medium.read(offset, length)

    def write(self, offset: int, data: bytes) -> None:
        if self._medium.read(offset, len(data)) == data:
            return
        skipped = 0 if offset else self.head
        self._medium.erase(offset, self.unit)
        self._medium.program(offset + skipped, data[skipped:])

    def write_head(self, data: bytes) -> None:
        self._medium.program(0, data)


class DiskCopy:
    name = "disk"
    unit = 1 << 20
    head = 512
    """A sector."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.size = os.lseek(descriptor, 0, os.SEEK_END)

    def read(self, offset: int, length: int) -> bytes:
        """From the disk itself: what is in memory of it would be compared with itself."""
        os.posix_fadvise(self._descriptor, offset, length, os.POSIX_FADV_DONTNEED)
        data = bytearray()
        while len(data) < length and (piece := os.pread(self._descriptor, length - len(data), offset + len(data))):
            data += piece
        return bytes(data)

    def write(self, offset: int, data: bytes) -> None:
        skipped = 0 if offset else self.head
        self._put(offset + skipped, data[skipped:])

    def write_head(self, data: bytes) -> None:
        self._put(0, data)

    def _put(self, offset: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._descriptor, data[done:], offset + done)
        os.fdatasync(self._descriptor)


def is_firmware(head: bytes) -> bool:
    """Whether the ROM takes what begins with `head`, `ID_BLOCK` bytes or more."""
    digest = hashlib.sha256(head[:_HASHED]).digest()
    return head.startswith(_MAGIC) and head[_HASHED : _HASHED + len(digest)] == digest


def check(copy: Copy, image: bytes) -> None:
    if not is_firmware(image):
        raise InputError(f"the firmware for the {copy.name} has no ID block", hint="make the bundle anew")
    if len(image) > copy.size:
        raise InputError(
            f"the firmware for the {copy.name} has {len(image)} bytes, and its partition {copy.size}",
            hint="a larger one needs a box that is flashed anew",
        )


def renew(disk: Copy, disk_image: bytes, chip: Copy, chip_image: bytes) -> list[str]:
    """Bring both copies up to date; the names of those that were written."""
    todo = [(disk, disk_image), (chip, chip_image)]
    for copy, image in todo:
        check(copy, image)
    if not is_firmware(chip.read(0, ID_BLOCK)):
        todo.reverse()
    written = []
    for copy, image in todo:
        if copy.read(0, len(image)) != image:
            _replace(copy, image)
            written.append(copy.name)
    return written


def _replace(copy: Copy, image: bytes) -> None:
    try:
        with contextlib.suppress(nor.NorError):  # a chip that wakes up locked is unlocked by the erase
            copy.write_head(bytes(copy.head))
        for offset in range(0, len(image), copy.unit):
            copy.write(offset, image[offset : offset + copy.unit])
        _verify(copy, copy.head, image[copy.head :])
        copy.write_head(image[: copy.head])
        _verify(copy, 0, image)
    except OSError as error:
        raise UnhealthyError(
            f"the firmware cannot be written to the {copy.name}: {error.strerror or error}",
            hint="the box starts from the other copy",
        ) from error


def _verify(copy: Copy, offset: int, wanted: bytes) -> None:
    if copy.read(offset, len(wanted)) != wanted:
        raise UnhealthyError(
            f"the {copy.name} does not give back the firmware that was written to it",
            hint="the box starts from the other copy",
        )
