"""A block: some records of the log as one piece that is whole or is not there.

Little-endian:

    magic "MPL1"        4 bytes
    length              u32   of the payload
    sequence number     u64   one more than that of the block before it, so that a missing one shows
    first id, last id   u64   of its records, which are in order
    earliest, latest    f64   Unix time
    severity            u32   highest level among its records, see `record.severity`
    payload CRC-32      u32
    header CRC-32       u32   of everything above
    payload                   zstd; records as lines of JSON

A reader finds blocks by their magic and both checksums, so that garbage between blocks, such as the torn block that a
power cut leaves, is stepped over.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import zstandard

from appliance.storage.logs import record
from appliance.storage.logs.record import Record

MAGIC: Final = b"MPL1"
_FIELDS: Final = struct.Struct("<4sIQQQddII")
_CRC: Final = struct.Struct("<I")
HEADER_SIZE: Final = _FIELDS.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Block:
    """A whole block, its payload not yet unpacked."""

    sequence: int
    first_id: int
    last_id: int
    earliest: float
    latest: float
    severity: int
    payload: bytes

    def records(self) -> list[Record]:
        lines = zstandard.ZstdDecompressor().decompress(self.payload)
        return [record.from_line(line) for line in lines.splitlines()]


def encode(
    sequence: int, records: Sequence[Record], lines: Sequence[bytes], compressor: zstandard.ZstdCompressor
) -> bytes:
    """One block of these records; `lines` are their lines."""
    payload = compressor.compress(b"\n".join(lines))
    times = [one.t for one in records]
    highest = max(record.severity(one.level) for one in records)
    span = records[0].id, records[-1].id, min(times), max(times)
    header = _FIELDS.pack(MAGIC, len(payload), sequence, *span, highest, zlib.crc32(payload))
    return header + _CRC.pack(zlib.crc32(header)) + payload


def scan(data: bytes) -> Iterator[Block]:
    """The whole blocks in `data`, in order, whatever lies between them."""
    at = data.find(MAGIC)
    while at >= 0:
        found = _at(data, at)
        if found:
            yield found
        at = data.find(MAGIC, at + (HEADER_SIZE + len(found.payload) if found else 1))


def _at(data: bytes, start: int) -> Block | None:
    header = data[start : start + HEADER_SIZE]
    if len(header) < HEADER_SIZE or _CRC.unpack_from(header, _FIELDS.size) != (zlib.crc32(header[: _FIELDS.size]),):
        return None
    _magic, length, sequence, first_id, last_id, earliest, latest, severity, crc = _FIELDS.unpack_from(header)
    payload = data[start + HEADER_SIZE : start + HEADER_SIZE + length]
    if len(payload) < length or zlib.crc32(payload) != crc:
        return None
    return Block(sequence, first_id, last_id, earliest, latest, severity, payload)
