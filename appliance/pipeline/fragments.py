"""Picture fragments: short runs of encoded video, the pieces that a job writes as it goes.

A fragment starts with an IDR picture and needs no other fragment, so workers encode them in any order, `mux` joins
them without encoding again, and a job that was cut short only makes those that are missing.

On disk, integers little-endian:

    magic       8 bytes   b"MPFRAG1\\n"
    header      u32 length, then JSON: what the pictures were encoded with (`dict[str, str | int]`)
    packets     each u32 length (top bit: key frame), then one H.264 access unit in Annex-B form
    end         u32 0, u32 number of packets, u32 CRC-32 of all that precedes it

The file gets its name only when it is whole and durable; the checksum finds what the medium lost after that.
Every `OSError` of writing leaves this package as the `ApplianceError` that `write_error` makes of it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import struct
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from appliance.errors import ApplianceError, CancelledError, InputError, UnhealthyError
from appliance.storage import atomic

Header = dict[str, str | int]

NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where a disk, somebody's share of it or a file may not grow any more."""

_MAGIC: Final = b"MPFRAG1\n"
_END: Final = struct.Struct("<II")
_LENGTH: Final = struct.Struct("<I")
_KEY_FRAME: Final = 1 << 31
_MAX_HEADER_BYTES: Final = 1 << 16
_CHUNK_BYTES: Final = 1 << 20


def write_error(path: Path, number: int | None, reason: str) -> ApplianceError:
    """The error for a person whose file `path` could not be written because of errno `number`."""
    message = f"cannot write {path}: {reason}"
    if number in NO_SPACE:
        return UnhealthyError(message, hint=f"free some space on the disk that holds {path.parent}, then try again")
    return InputError(message, hint="choose a folder that exists and is writable")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn the operating system's refusals inside the block into errors that name `path`."""
    try:
        yield
    except OSError as error:
        raise write_error(path, error.errno, error.strerror or str(error)) from error


@dataclass(frozen=True, slots=True)
class Fragment:
    """A fragment that was found whole."""

    path: Path
    header: Header
    frames: int


class Durable(ABC):
    """What writes a file that exists only once it is whole; a context manager that closes on success and aborts on any
    exception."""

    @abstractmethod
    def close(self) -> None:
        """Finish the file and give it its name, durably."""

    @abstractmethod
    def abort(self) -> None:
        """Leave nothing behind."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abort()


class FragmentWriter(Durable):
    """Writes one fragment. As a context manager it closes on success and aborts on any exception."""

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        self.frames = 0
        self._crc = 0
        encoded = json.dumps(header, sort_keys=True).encode()
        with writing(path), contextlib.ExitStack() as opened:
            temporary = opened.enter_context(atomic.replaced_file(path))
            self._file = opened.enter_context(temporary.open("wb"))
            self._put(_MAGIC + _LENGTH.pack(len(encoded)) + encoded)
            self._opened = opened.pop_all()

    def _put(self, data: bytes) -> None:
        self._crc = zlib.crc32(data, self._crc)
        self._file.write(data)

    def write(self, packet: bytes, *, key_frame: bool) -> None:
        """Append one access unit."""
        with writing(self.path):
            self._put(_LENGTH.pack(len(packet) | (_KEY_FRAME if key_frame else 0)))
            self._put(packet)
        self.frames += 1

    def close(self) -> None:
        """Finish the fragment and give it its name, durably."""
        with writing(self.path), self._opened:
            self._put(_END.pack(0, self.frames))
            self._file.write(_LENGTH.pack(self._crc))

    def abort(self) -> None:
        """Leave nothing behind."""
        with contextlib.suppress(OSError):
            self._opened.__exit__(CancelledError, CancelledError(), None)


def check(path: Path) -> Fragment | None:
    """The fragment at `path`, or None if there is none or it is not whole to the last bit."""
    try:
        with path.open("rb") as file:
            header = _read_header(file)
            file.seek(-_END.size - _LENGTH.size, os.SEEK_END)
            end, frames = _END.unpack(file.read(_END.size))
            size = file.tell()
            (stored,) = _LENGTH.unpack(file.read())
            file.seek(0)
            crc = 0
            while chunk := file.read(min(_CHUNK_BYTES, size - file.tell())):
                crc = zlib.crc32(chunk, crc)
    except (OSError, ValueError, TypeError, struct.error):
        return None
    return Fragment(path, header, frames) if end == 0 and crc == stored else None


def packets(path: Path) -> Iterator[tuple[bytes, bool]]:
    """The access units of a whole fragment in order, each with whether it is a key frame."""
    with path.open("rb") as file:
        _read_header(file)
        while length := _LENGTH.unpack(file.read(_LENGTH.size))[0]:
            yield file.read(length & ~_KEY_FRAME), bool(length & _KEY_FRAME)


def _read_header(file: BinaryIO) -> Header:
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("not a fragment")
    (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
    header = json.loads(file.read(min(length, _MAX_HEADER_BYTES)))
    if not isinstance(header, dict):
        raise TypeError("not a fragment's header")
    return header
