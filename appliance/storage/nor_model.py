"""The motion network in the NOR: what listens does not wait for the big disk, nor depend on it.

The medium is `Volumes.model / "model.nor"`: on a board whose NOR has the partition `model` a link to its MTD device,
and absent on others. Layout: a header of 16 bytes, little-endian (magic `MPMODEL1`, length and CRC-32 of what follows),
then the file of a network in eight bits, which has a SHA-256 of its own. The rest is erased. It is written when the box
is flashed; the kernel holds the partition read-only.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Final

from appliance.errors import UnhealthyError
from appliance.findings import Finding, Status
from appliance.volumes import Volumes

CHECK: Final = "model in NOR"
FILE: Final = "model.nor"
_HEADER: Final = struct.Struct("<8sII")
_MAGIC: Final = b"MPMODEL1"
_LARGEST: Final = 16_000_000


def image(model: bytes) -> bytes:
    """What to write to the beginning of the partition."""
    return _HEADER.pack(_MAGIC, len(model), zlib.crc32(model)) + model


def read(volumes: Volumes) -> bytes | None:
    """The network's file; None on a board without the partition. `UnhealthyError` for a damaged or blank one."""
    path = volumes.model / FILE
    if not path.exists():
        return None
    try:
        with path.open("rb") as partition:
            magic, length, checksum = _HEADER.unpack(partition.read(_HEADER.size))
            model = partition.read(length) if magic == _MAGIC and length <= _LARGEST else b""
    except (OSError, struct.error) as error:
        raise _damaged(str(error)) from error
    if magic != _MAGIC or zlib.crc32(model) != checksum:
        raise _damaged("blank" if magic == b"\xff" * len(_MAGIC) else "its checksum is wrong")
    return model


def findings(volumes: Volumes) -> Iterator[Finding]:
    """Whether it is whole; nothing on a board that keeps none."""
    try:
        if read(volumes) is not None:
            yield Finding(CHECK, Status.OK, "the motion network in the NOR is whole")
    except UnhealthyError as error:
        yield Finding(CHECK, Status.WARNING, error.message, error.hint)


def _damaged(reason: str) -> UnhealthyError:
    return UnhealthyError(
        f"the motion network in the NOR cannot be used: {reason}",
        hint="nothing is lost, the copy on the disk serves; flash the NOR again when there is time",
    )
