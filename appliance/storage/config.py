"""The box's configuration: one JSON object, kept twice on NOR flash.

The medium is `Volumes.config / "config.nor"`: a link to the MTD device of the partition on a board that has one, else a
file of the same geometry (see `appliance.storage.nor`). Each half holds one copy, from its first byte, little-endian:

    magic "MPC1"   length of the JSON u32   sequence number u64   CRC-32 of all of this but itself u32   JSON, UTF-8

The newest copy that is whole counts. A change is written over the worse copy first and, once that has been read back,
over the other, so that at every instant one copy is whole, and afterwards damage to either loses nothing. A power cut
leaves the old content or the new. Unchanged content is not written; a damaged copy is repaired by the next `update`.

Processes and threads take `Volumes.run / "config.lock"` (flock), shared to read, exclusive to change. The directory is
0700 and the file 0600: the content has secrets.

Raises `UnhealthyError` where the medium cannot be read or written, `InputError` where the content would not fit.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.errors import InputError, UnhealthyError
from appliance.findings import Finding, Status
from appliance.storage import nor
from appliance.volumes import Volumes

FILE: Final = "config.nor"
LOCK: Final = "config.lock"
FILE_ERASE_SIZE: Final = 64 * 1024
FILE_SIZE: Final = 4 * FILE_ERASE_SIZE

_MAGIC: Final = b"MPC1"
_HEADER: Final = struct.Struct("<4sIQ")
_CRC: Final = struct.Struct("<I")
_START: Final = _HEADER.size + _CRC.size
_NOTHING: Final = b"{}"

OpenMedium = Callable[..., nor.Medium]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The configuration as read."""

    values: dict[str, Any]
    sound: bool
    """Both copies hold it, or nothing was ever stored."""
    lost: bool
    """Something was stored and no copy of it is whole; `values` is empty.

    Where one copy is still blank, nothing was: the power went in the very first write.
    """


@dataclass(frozen=True, slots=True)
class _Copy:
    sequence: int
    content: bytes
    damaged: bool = False

    def image(self) -> bytes:
        header = _HEADER.pack(_MAGIC, len(self.content), self.sequence)
        return header + _CRC.pack(zlib.crc32(self.content, zlib.crc32(header))) + self.content


_BLANK: Final = _Copy(-1, _NOTHING)
_DAMAGED: Final = _Copy(-1, _NOTHING, damaged=True)


class ConfigStore:
    """Reads and changes the configuration; holds nothing open between calls."""

    def __init__(self, volumes: Volumes, *, open_medium: OpenMedium = nor.open_medium) -> None:
        self._path = volumes.config / FILE
        self._lock = volumes.run / LOCK
        self._open_medium = open_medium

    def read(self) -> dict[str, Any]:
        """The configuration; empty on a new box and, see `load`, when both copies are damaged."""
        return self.load().values

    def load(self) -> Snapshot:
        """The configuration and how sound its copies are."""
        if not self._path.exists():
            return Snapshot({}, sound=True, lost=False)
        with self._opened(fcntl.LOCK_SH) as medium:
            copies = _copies(medium)
        newest = max(copies, key=_sequence)
        sound = copies[0] == copies[1] and not newest.damaged
        lost = newest.sequence < 0 and _BLANK not in copies
        return Snapshot(json.loads(newest.content), sound, lost)

    def update(self, change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Let `change` work on the configuration and make the result durable; what it raises leaves the old one.

        It runs under the lock, so it must not use the store itself. Returns the new configuration.
        """
        with self._opened(fcntl.LOCK_EX) as medium:
            copies = _copies(medium)
            newest = max(copies, key=_sequence)
            values = json.loads(newest.content)
            change(values)
            content = json.dumps(values, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
            if content != newest.content:
                wanted = _Copy(max(newest.sequence, 0) + 1, content)
            elif copies == [_BLANK, _BLANK]:
                return {}
            else:
                wanted = _Copy(max(newest.sequence, 0), content)
            room = _copy_size(medium) - _START
            if len(content) > room:
                raise InputError(
                    f"the configuration of {len(content)} bytes does not fit the {room} that the flash has for it",
                    hint="remove API tokens that nobody uses, or give a shorter certificate",
                )
            self._store(medium, copies, wanted)
        return dict(json.loads(content))

    def _store(self, medium: nor.Medium, copies: list[_Copy], wanted: _Copy) -> None:
        worse, better = sorted(range(2), key=lambda index: copies[index].sequence)
        if copies[worse] != wanted:
            _write(medium, worse, wanted)
        if copies[better] != wanted:
            # From here on the change is durable: a second copy that cannot be written is a finding, not a failure.
            with contextlib.suppress(OSError):
                _write(medium, better, wanted)

    def findings(self) -> Iterator[Finding]:
        """The health of the two copies."""
        snapshot = self.load()
        if snapshot.lost:
            yield Finding(
                "config",
                Status.PROBLEM,
                "no copy of the configuration is readable; the box starts with the defaults",
                fix="set the box up again, or restore a backup",
            )
        elif not snapshot.sound:
            yield Finding(
                "config",
                Status.WARNING,
                "one of the two copies of the configuration is damaged or out of date; the other is used",
                fix="any change in the settings repairs it; if this comes back, the flash is worn out",
            )
        else:
            yield Finding("config", Status.OK, "the configuration is readable")

    @contextlib.contextmanager
    def _opened(self, mode: int) -> Iterator[nor.Medium]:
        writable = mode == fcntl.LOCK_EX
        try:
            with self._locked(mode):
                if writable:
                    _private_directory(self._path.parent)
                with self._open_medium(
                    self._path, size=FILE_SIZE, erase_size=FILE_ERASE_SIZE, writable=writable
                ) as medium:
                    yield medium
        except OSError as error:
            done = "write" if writable else "read"
            raise UnhealthyError(
                f"cannot {done} the configuration in {self._path.parent}: {error.strerror or error}",
                hint="check that the configuration volume is mounted, writable and not worn out (mouthpiece doctor)",
            ) from error

    @contextlib.contextmanager
    def _locked(self, mode: int) -> Iterator[None]:
        self._lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, mode)
            yield
        finally:
            os.close(handle)


def _sequence(copy: _Copy) -> int:
    return copy.sequence


def _copy_size(medium: nor.Medium) -> int:
    return medium.size // 2 // medium.erase_size * medium.erase_size


def _copies(medium: nor.Medium) -> list[_Copy]:
    return [_copy(medium, index) for index in range(2)]


def _copy(medium: nor.Medium, index: int) -> _Copy:
    start = index * _copy_size(medium)
    head = medium.read(start, _START)
    if head == nor.ERASED * _START:
        return _BLANK
    magic, length, sequence = _HEADER.unpack_from(head)
    if magic != _MAGIC or length > _copy_size(medium) - _START:
        return _DAMAGED
    copy = _Copy(sequence, medium.read(start + _START, length))
    return copy if copy.image()[:_START] == head else _DAMAGED


def _write(medium: nor.Medium, index: int, copy: _Copy) -> None:
    image = copy.image()
    start = index * _copy_size(medium)
    medium.erase(start, -(-len(image) // medium.erase_size) * medium.erase_size)
    medium.program(start, image)


def _private_directory(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
