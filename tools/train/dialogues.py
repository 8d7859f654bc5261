"""What the people of an adventure game say to each other, and the recordings of it.

Debian's `flight-of-the-amazon-queen` is one file, numbers big-endian: `QTBL`, nine bytes, the number of members (2
bytes), and for each its name (12 bytes, zeros after it), a byte, where it begins and its length (4 bytes each).

A member `NAME.DOG` is a conversation: 20 bytes; the number of levels of its tree (2, negative where nobody may leave),
2, its key (2), how many lines the hero has and how many the other (2 each), 12, where the other's lines begin (2). The
offsets count from after the first 20 bytes, and the hero's lines begin at 32 + 96 times the levels. A line is 2 bytes,
its number (2), its length (1), its text, and zeros up to a multiple of 4. `*` and two characters end a stretch of a
line, each of which is a recording of its own: a member `KKNNNNWS.SB` (MP3, 11 kHz): key, number of the line in hex,
J for the hero or P for the other, the stretch from 1 on.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from appliance.errors import InputError

GAME: Final = Path("/usr/share/scummvm/flight-of-the-amazon-queen/queen.1c")
HEROINE: Final = "faye"
"""Heard by no stage of training: the actress by whom the network is measured."""
_HEADER: Final = 20
_TREE: Final = 32
_LEVEL: Final = 96
_MEMBER: Final = struct.Struct(">12sxII")
_COMMAND: Final = re.compile(r"\*(XY\d\d\(\d+,\d+\)|..)", re.DOTALL)
_SILENT: Final = ("GD", "GM")
"""Commands that end no stretch."""


class Said(NamedTuple):
    """A recording: who speaks (the hero is `joe`), the MP3 file, the words."""

    speaker: str
    sound: bytes
    text: str


def spoken(path: Path) -> Iterator[Said]:
    """Every recording whose words the file holds, in its order. `InputError` where the file is another one."""
    content = path.read_bytes()
    if content[:4] != b"QTBL":
        raise InputError(f"{path} is not the game's file", hint="install flight-of-the-amazon-queen from Debian")
    places: dict[str, slice] = {}
    (count,) = struct.unpack_from(">H", content, 13)
    for number in range(count):
        name, start, length = _MEMBER.unpack_from(content, 15 + number * _MEMBER.size)
        places[name.split(b"\0")[0].decode("latin-1")] = slice(start, start + length)
    for name, place in places.items():
        if not name.endswith(".DOG"):
            continue
        other = name.removesuffix(".DOG").rstrip("0123456789").lower()
        for prefix, line in _lines(content[place][_HEADER:]):
            for number, text in enumerate(_stretches(line), 1):
                sound = places.get(f"{prefix}{number}.SB")
                if sound is not None and re.search(r"[A-Za-z]", text):
                    yield Said("joe" if prefix.endswith("J") else other, content[sound], text)


def _lines(conversation: bytes) -> Iterator[tuple[str, str]]:
    """The beginning of the recordings' names, and the line."""
    levels, _, key, heros, others = struct.unpack_from(">5h", conversation)
    (others_at,) = struct.unpack_from(">H", conversation, 22)
    for who, place, count in (("J", _TREE + abs(levels) * _LEVEL, heros), ("P", others_at, others)):
        for _ in range(count):
            (number,) = struct.unpack_from(">H", conversation, place + 2)
            length = conversation[place + 4]
            text = conversation[place + 5 : place + 5 + length].decode("latin-1")
            yield f"{key:02d}{number:04X}{who}", text
            place = (place + 5 + length + 3) // 4 * 4


def _stretches(line: str) -> list[str]:
    """What is said before each command of a line, and after the last."""
    parts = _COMMAND.split(line)
    stretches = [""]
    for text, command in zip(parts[::2], [*parts[1::2], None], strict=True):
        stretches[-1] += text
        if command not in _SILENT:
            stretches.append("")
    return [stretch.strip() for stretch in stretches]
