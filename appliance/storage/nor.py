"""NOR flash: bytes that are erased to 0xFF by whole blocks and otherwise only lose bits.

A medium is one of two things with the same rules:

    FileMedium   a regular file with a NOR's geometry, on a laptop and on boards without a NOR
    MtdMedium    a raw MTD character device (/dev/mtdN); ioctls and structures of <mtd/mtd-abi.h>

`erase` and `program` return when the medium holds the result and has been read back; what does not read back as
written, a worn or a locked block, raises `NorError`. Both are torn by a power cut: whoever writes keeps a second copy
and a checksum. Bytes that were never written read as 0xFF. Nothing here locks: that there is one writer at a time is
the caller's care.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import Final

from appliance.storage import atomic

ERASED: Final = b"\xff"

# struct mtd_info_user: type, flags, size, erasesize, writesize, oobsize, padding.
_INFO: Final = struct.Struct("=BxxxIIIIIQ")
# struct erase_info_user: start, length.
_SPAN: Final = struct.Struct("=II")
# _IOR('M', 1, ...), _IOW('M', 2, ...) and _IOW('M', 6, ...) of asm-generic/ioctl.h, as on x86 and arm64.
MEMGETINFO: Final = 2 << 30 | _INFO.size << 16 | ord("M") << 8 | 1
MEMERASE: Final = 1 << 30 | _SPAN.size << 16 | ord("M") << 8 | 2
MEMUNLOCK: Final = 1 << 30 | _SPAN.size << 16 | ord("M") << 8 | 6


class NorError(OSError):
    """The flash does not hold what was written to it."""


class Medium:
    """What both kinds share. Offsets and lengths are bytes; `write_size` is the least that can be programmed."""

    size: int
    erase_size: int
    write_size: int

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Medium:
        return self

    def __exit__(self, *exception: object) -> None:
        os.close(self._descriptor)

    def read(self, offset: int, length: int) -> bytes:
        data = bytearray()
        while len(data) < length and (piece := os.pread(self._descriptor, length - len(data), offset + len(data))):
            data += piece
        return bytes(data).ljust(length, ERASED)

    def erase(self, offset: int, length: int) -> None:
        """Set to 0xFF; both numbers are multiples of `erase_size`."""
        if offset % self.erase_size or length % self.erase_size:
            raise ValueError("only whole erase blocks can be erased")
        self._erase(offset, length)
        self._verify(offset, ERASED * length)

    def program(self, offset: int, data: bytes) -> None:
        """Write into erased bytes; `offset` is a multiple of `write_size`."""
        padded = data.ljust(-(-len(data) // self.write_size) * self.write_size, ERASED)
        self._program(offset, padded)
        self._verify(offset, padded)

    def _verify(self, offset: int, wanted: bytes) -> None:
        if self.read(offset, len(wanted)) != wanted:
            raise NorError(f"the flash does not hold what was written to it, {len(wanted)} bytes from {offset:#x}")

    def _erase(self, offset: int, length: int) -> None:
        raise NotImplementedError

    def _program(self, offset: int, data: bytes) -> None:
        raise NotImplementedError

    def _write(self, offset: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += os.pwrite(self._descriptor, data[done:], offset + done)


class FileMedium(Medium):
    """A file that behaves like NOR flash."""

    write_size = 1

    def __init__(self, descriptor: int, size: int, erase_size: int) -> None:
        super().__init__(descriptor)
        self.size = size
        self.erase_size = erase_size

    def _erase(self, offset: int, length: int) -> None:
        self._write(offset, ERASED * length)
        os.fdatasync(self._descriptor)

    def _program(self, offset: int, data: bytes) -> None:
        cleared = int.from_bytes(data) & int.from_bytes(self.read(offset, len(data)))
        self._write(offset, cleared.to_bytes(len(data)))
        os.fdatasync(self._descriptor)


class MtdMedium(Medium):
    """A partition of a NOR chip. The driver returns from a write when the chip is done; there is nothing to sync."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor)
        answer = fcntl.ioctl(descriptor, MEMGETINFO, bytes(_INFO.size))
        _type, _flags, self.size, self.erase_size, self.write_size, _oob, _padding = _INFO.unpack(answer)

    def _erase(self, offset: int, length: int) -> None:
        for start in range(offset, offset + length, self.erase_size):
            block = _SPAN.pack(start, self.erase_size)
            # Some chips wake up locked, others know no locks; a block that stays locked fails to erase.
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, MEMUNLOCK, block)
            fcntl.ioctl(self._descriptor, MEMERASE, block)

    def _program(self, offset: int, data: bytes) -> None:
        self._write(offset, data)


def open_medium(path: Path, *, size: int, erase_size: int, writable: bool) -> Medium:
    """The medium at `path`: an MTD device (or a link to one), else a file of that geometry, made when it is missing.

    The file is readable by its owner alone. Raises `FileNotFoundError` when it is missing and not `writable`.
    """
    if writable and not path.exists():
        with atomic.replaced_file(path) as temporary:
            temporary.chmod(0o600)
            temporary.write_bytes(ERASED * size)
    descriptor = os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC)
    try:
        if stat.S_ISCHR(os.fstat(descriptor).st_mode):
            return MtdMedium(descriptor)
        return FileMedium(descriptor, size, erase_size)
    except BaseException:
        os.close(descriptor)
        raise
