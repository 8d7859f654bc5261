"""Reads the erase counters out of a raw dump of a NAND chip, or of one of its MTD partitions, that UBI lived on.

Each physical block of UBI begins with an erase counter header of 64 bytes, big-endian (drivers/mtd/ubi/ubi-media.h):

     0  "UBI#"              8  erase counter (8)             24  image sequence number (4)
     4  version, 1         16  offset of the VID header (4)  60  CRC-32 of the first 60 bytes, without final inversion
     5  zeros (3)          20  offset of the data (4)

and a used one goes on with a VID header of 64 bytes ("UBI!", volume at 8, CRC at 60). The records of the volume table
(volume 0x7FFFEFFF; 172 bytes each: size of the name at 14, name at 16, CRC at 168) give the volumes their names.

Dumps are taken with or without the spare bytes of each page (`nanddump --oob`), bad blocks left out, padded with 0xFF,
or dumped as they are (`--bb=skipbad`, `padbad`, `dumpbad`). So nothing is assumed of where blocks lie: headers are
looked for and proven by their CRC, the distance between blocks is what divides all distances between headers, and the
pages follow from the offsets in the header. What has no sound header is

    bad        the spare bytes of its first or second page carry a bad block marker
    blank      erased throughout: a bad block that was padded, or one whose erasing a power cut interrupted
    damaged    anything else

ubi-reader takes volumes and files out of dumps, which is not done here. For wear it does not serve: it does not know of
spare bytes, and passes over blocks without a header in silence.
"""

from __future__ import annotations

import itertools
import math
import mmap
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import InputError

_EC: Final = struct.Struct(">4sB3xQIII32xI")
_EC_MAGIC: Final = b"UBI#\x01"
_VID_MAGIC: Final = b"UBI!"
_MOST_ERASES: Final = 0x7FFFFFFF
_LAYOUT_VOLUME: Final = 0x7FFFEFFF
_RECORD: Final = 172
_RECORDS: Final = 128
_CRC_MASK: Final = 0xFFFFFFFF
_SMALLEST_BLOCK: Final = 4096
_ERASED: Final = 0xFF


@dataclass(frozen=True, slots=True)
class NandDump:
    """What a dump tells. Numbers of blocks are places in the dump, from 0."""

    block_bytes: int
    page_bytes: int
    spare_bytes: int
    """Of each page; 0 for a dump without."""
    blocks: int
    counters: tuple[tuple[int, int], ...]
    """(block, its erase counter) of those with a sound header, in order."""
    bad: tuple[int, ...]
    blank: tuple[int, ...]
    damaged: tuple[int, ...]
    volumes: dict[str, int]
    """How many blocks hold data of each volume; those of UBI's own table are in "layout volume"."""

    @property
    def max_erases(self) -> int:
        return max(count for _, count in self.counters)

    @property
    def mean_erases(self) -> float:
        return sum(count for _, count in self.counters) / len(self.counters)


@dataclass(frozen=True, slots=True)
class _Layout:
    """How blocks lie in the dump: `stride` bytes from one to the next, the first one at `start`."""

    start: int
    stride: int
    page: int
    spare: int

    def raw(self, offset: int) -> int:
        """Where the byte that lies at `offset` of a block's data lies in the dumped block."""
        pages, rest = divmod(offset, self.page)
        return pages * (self.page + self.spare) + rest


def read(path: Path) -> NandDump:
    """The wear in a dump; `InputError` for a file that cannot be read or holds no UBI."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read(data, path)
    except (OSError, ValueError) as error:  # mmap calls an empty file a ValueError
        reason = error.strerror if isinstance(error, OSError) else "it is empty"
        raise InputError(f"{path} cannot be read: {reason}", hint="give the file that nanddump wrote") from error


def _read(data: mmap.mmap, path: Path) -> NandDump:
    headers = dict(_headers(data))
    if not headers:
        raise InputError(
            f"{path} holds no UBI: no erase counter header in it is sound",
            hint="dump the whole partition that UBI lives on, such as `nanddump -f DUMP.bin /dev/mtd1`",
        )
    layout = _layout(data, headers)
    counters: list[tuple[int, int]] = []
    kinds: dict[str, list[int]] = {"bad": [], "blank": [], "damaged": []}
    used: Counter[int] = Counter()
    names: dict[int, str] = {}
    blocks = (len(data) - layout.start) // layout.stride
    for number in range(blocks):
        place = layout.start + number * layout.stride
        header = headers.get(place)
        if header is None:
            kinds[_kind(data[place : place + layout.stride], layout)].append(number)
            continue
        count, vid_offset, data_offset = header
        counters.append((number, count))
        volume = _volume(data, place + layout.raw(vid_offset))
        if volume is not None:
            used[volume] += 1
        if volume == _LAYOUT_VOLUME:
            names |= _names(_data_of(data[place : place + layout.stride], layout)[data_offset:])
    return NandDump(
        block_bytes=layout.stride // (layout.page + layout.spare) * layout.page,
        page_bytes=layout.page,
        spare_bytes=layout.spare,
        blocks=blocks,
        counters=tuple(counters),
        bad=tuple(kinds["bad"]),
        blank=tuple(kinds["blank"]),
        damaged=tuple(kinds["damaged"]),
        volumes={_called(volume, names): number for volume, number in sorted(used.items())},
    )


def _headers(data: mmap.mmap) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Place and (erase counter, offset of the VID header, offset of the data) of every sound header."""
    place = data.find(_EC_MAGIC)
    while place >= 0:
        raw = data[place : place + _EC.size]
        if len(raw) == _EC.size and _is_sound(raw):
            _, _, count, vid_offset, data_offset, _, _ = _EC.unpack(raw)
            if count <= _MOST_ERASES and _EC.size <= vid_offset < data_offset:
                yield place, (count, vid_offset, data_offset)
        place = data.find(_EC_MAGIC, place + 1)


def _layout(data: mmap.mmap, headers: dict[int, tuple[int, int, int]]) -> _Layout:
    """From where the headers lie; a header inside a volume's data (an image that is stored there) is outvoted."""
    (vid_offset, data_offset), _ = Counter(header[1:] for header in headers.values()).most_common(1)[0]
    places = [place for place, header in headers.items() if header[1:] == (vid_offset, data_offset)]
    stride = _stride(places) or len(data)
    start = Counter(place % stride for place in places).most_common(1)[0][0]
    block = 1 << (stride.bit_length() - 1)

    def layout(page: int) -> _Layout:
        return _Layout(start, stride, page, (stride - block) // max(block // page, 1))

    def used_blocks(page: int) -> int:
        return sum(_volume(data, place + layout(page).raw(vid_offset)) is not None for place in places)

    # Each header has a page of its own or, on chips with sub-pages, both share the first: the VID headers tell.
    own, shared = vid_offset, data_offset
    return layout(max((own, shared) if data_offset == 2 * vid_offset else (shared, own), key=used_blocks))


def _stride(places: list[int]) -> int:
    """The distance between neighbouring blocks: what divides nearly all distances between headers."""
    steps = Counter(after - before for before, after in itertools.pairwise(places))
    often = max(steps.values(), default=0) / 4
    common = [step for step, times in steps.items() if times >= often and step >= _SMALLEST_BLOCK]
    return math.gcd(*common) if common else 0


def _kind(raw: bytes, layout: _Layout) -> str:
    if layout.spare and any(
        raw[page * (layout.page + layout.spare) + layout.page] != _ERASED
        for page in (0, 1)
        if page * layout.page < len(raw)
    ):
        return "bad"
    return "blank" if raw.count(_ERASED) == len(raw) else "damaged"


def _is_sound(header: bytes) -> bool:
    return zlib.crc32(header[:-4]) ^ _CRC_MASK == int.from_bytes(header[-4:], "big")


def _volume(data: mmap.mmap, place: int) -> int | None:
    """The volume that a block belongs to, as its VID header says."""
    raw = data[place : place + _EC.size]
    if len(raw) < _EC.size or not raw.startswith(_VID_MAGIC) or not _is_sound(raw):
        return None
    return int.from_bytes(raw[8:12], "big")


def _data_of(raw: bytes, layout: _Layout) -> bytes:
    """A block without its spare bytes."""
    if not layout.spare:
        return raw
    whole = layout.page + layout.spare
    return b"".join(raw[at : at + layout.page] for at in range(0, len(raw), whole))


def _names(table: bytes) -> dict[int, str]:
    """Volumes by number, out of the volume table."""
    found = {}
    for number in range(_RECORDS):
        record = table[number * _RECORD : (number + 1) * _RECORD]
        length = int.from_bytes(record[14:16], "big")
        if len(record) == _RECORD and length and _is_sound(record):
            found[number] = record[16 : 16 + min(length, 127)].decode(errors="replace")
    return found


def _called(volume: int, names: dict[int, str]) -> str:
    return "layout volume" if volume == _LAYOUT_VOLUME else names.get(volume, f"volume {volume}")
