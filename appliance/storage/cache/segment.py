"""The bytes of a segment, little-endian. A file `NUMBER.segment` (eight hex digits) holds, from its first byte:

    payload    records one after the other
    footer     for each record that begins here:  fingerprint u64   offset u32   length u32   kind u8
    trailer    magic "MPS1"   number u32   payload length u32   records in the footer u32   CRC-32 of footer and trailer

    record     digest of the key, 16 bytes   length of the data u32   CRC-32 of digest, length and data   data

Segments are parts of one stream: a record that does not fit goes on at the first byte of the segment with the next
number, and on through as many as it needs. A writer that starts anew, or fails, leaves a number out, so that the
beginning of a record never meets something else where its end should be. A file never changes once it is written; what
has no good trailer was cut short, or is not ours.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Sequence
from typing import Final

from appliance.storage.cache.index import Entry

_MAGIC: Final = b"MPS1"
_RECORD: Final = struct.Struct("<16sII")
_DIGESTED: Final = struct.Struct("<16sI")
_FOOTER: Final = struct.Struct("<QIIB")
_TRAILER: Final = struct.Struct("<4sIII")
_CRC: Final = struct.Struct("<I")
_NAME: Final = re.compile(r"([0-9a-f]{8})\.segment")

RECORD_BYTES: Final = _RECORD.size
FOOTER_BYTES: Final = _FOOTER.size
TRAILER_BYTES: Final = _TRAILER.size + _CRC.size

Listed = tuple[int, Entry]
"""A fingerprint and where its record begins."""


def name_of(number: int) -> str:
    return f"{number:08x}.segment"


def number_of(name: str) -> int | None:
    """The number of the segment with that name; None for a name that is not a segment's."""
    match = _NAME.fullmatch(name)
    return int(match[1], 16) if match else None


def digest(key: str | bytes) -> bytes:
    """What a key is known by; text counts as its UTF-8."""
    raw = key.encode("utf-8", "surrogatepass") if isinstance(key, str) else key
    return hashlib.blake2b(raw, digest_size=16).digest()


def fingerprint(key_digest: bytes) -> int:
    """What a digest is found by in memory, from 1 to 2**64 - 1."""
    return int.from_bytes(key_digest[:8], "little") or 1


def record_head(key_digest: bytes, data: bytes) -> bytes:
    """What goes before the data."""
    return _RECORD.pack(key_digest, len(data), _crc(key_digest, data))


def data_of(record: bytes, key_digest: bytes | None = None) -> bytes | None:
    """The data of a record if it is sound and, when one is given, the digest's; else None."""
    if len(record) < RECORD_BYTES:
        return None
    stored, length, crc = _RECORD.unpack_from(record)
    data = record[RECORD_BYTES:]
    if length != len(data) or crc != _crc(stored, data) or (key_digest or stored) != stored:
        return None
    return data


def digest_of(record: bytes) -> bytes:
    """The digest in a sound record."""
    return record[: _DIGESTED.size - 4]


def _crc(key_digest: bytes, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(_DIGESTED.pack(key_digest, len(data))))


def tail(number: int, payload_length: int, listed: Sequence[Listed]) -> bytes:
    """Footer and trailer."""
    footer = b"".join(_FOOTER.pack(mark, entry.offset, entry.length, entry.kind) for mark, entry in listed)
    trailer = _TRAILER.pack(_MAGIC, number, payload_length, len(listed))
    return footer + trailer + _CRC.pack(zlib.crc32(trailer, zlib.crc32(footer)))


def tail_length(trailer: bytes, number: int, size: int) -> int | None:
    """How many bytes footer and trailer of a file of that size have; None where the trailer is none of this number."""
    if len(trailer) != TRAILER_BYTES:
        return None
    magic, stored, payload_length, count = _TRAILER.unpack_from(trailer)
    length: int = count * FOOTER_BYTES + TRAILER_BYTES
    return length if magic == _MAGIC and stored == number and payload_length + length == size else None


def listed_in(stored: bytes, number: int) -> list[Listed] | None:
    """What the footer lists, if footer and trailer are sound."""
    if _CRC.pack(zlib.crc32(stored[: -_CRC.size])) != stored[-_CRC.size :]:
        return None
    footer = stored[:-TRAILER_BYTES]
    return [
        (mark, Entry(number, offset, length, kind & 0x1F)) for mark, offset, length, kind in _FOOTER.iter_unpack(footer)
    ]
