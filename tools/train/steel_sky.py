r"""What the people of another adventure game say, and the recordings of it.

Debian's `beneath-a-steel-sky` (the CD's version 0.0372) is two files, numbers little-endian. `sky.dnr`: how many files
there are (4 bytes), and for each its number (2), where it begins (3; by sixteens where bit 23 is set) and its length
(3, without the upper two bits) in `sky.dsk`. A file may be packed: a header of 22 bytes, which stays in front of the
content, and `RNC\1` (`_unpacked`).

60600 + S are the English texts of the section S: where the lengths begin (2), where the texts begin (2), the length of
every 32 texts (2 each); a length of a text is a byte, by eights where bit 7 is set. Lengths count pairs of bits of the
code `_LENGTHS`. 50000 + `_SECTIONS`[S] + T is the recording of the text T: unsigned bytes at 11025 Hz after the header.

60400 to 60406 are the scripts, words of 2 bytes: 2 PERSON, 2 TEXT, 2 ANIMATION, 11 3 CALL makes a person say the text
SSSSTTTTTTTTTTTT (1 NUMBER of a variable may stand for the person). The animation tells who it is; the lines that no
script says are the hero's, whom the player lets choose.
"""

from __future__ import annotations

import io
import re
import struct
import wave
from bisect import bisect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from appliance.errors import InputError
from tools.train.dialogues import Said

GAME: Final = Path("/usr/share/scummvm/beneath-a-steel-sky")
_FILES: Final = 5097
"""In this version; other versions have another code."""
_RATE_HZ: Final = 11025
_HEADER: Final = 22
_SECTIONS: Final = (0, 600, 1100, 2430, 3380, 4530, 5080, 5230)
_SPEECH: Final = range(50000, 59000)
_TEXTS: Final = 60600
_SCRIPTS: Final = range(60400, 60407)
_CALLS: Final = {140: False, 144: False, 148: True, 152: True}
"""Whether the hero waits until it is said: then another says it."""
_CHARACTERS: Final = (
    " eaostn.ir\0EumAlIdRNSTOhcDgLCpU!yMPvH?b'f,GBVkFqwK-WJ*zYj+Q\x85)Z\x8b<\x95~\x8a\x87:\x7f]#xX\x91\x88`20\x831/(="
    '\x86^39\x984}8\\"\x90&\x8d56\x92\x8f\x8e\x93\x8c7\x80\x81\x99$@[\x9a_>\x96\x82%\t\x9c\x97{\x94|'
)
_LENGTHS: Final = (
    "3445555554665556666665776667777776887778877799888998889999aa9aa9bbaaabbabbaccbccbccbbbccccddcccddddddddeedeeeeff"
    "eeeffefffgg"
)
"""How many bits the code of each character has (g: 16)."""
_VOICES: Final = {
    animation: name
    for name, animations in {
        "anchor": (100, 101, 102), "android": (142,), "anita": (25, 71, 72), "babs": (164,), "barman": (159,),
        "blunt": (154, 158, 174), "body": (99,), "burke": (95, 96), "clerk": (179,), "colston": (160, 162),
        "dad": (40, 41, 44, 46, 47, 48), "danielle": (146, 152, 155, 177), "father": (184, 185),
        "foreman": (27, 73, 75, 77, 81), "gallagher": (114, 125, 161), "gardener": (157,), "guard": (3, 28, 29, 67),
        "helga": (122, 123, 124), "henri": (151,), "hobbins": (1, 17, 173, 191, 192), "joey": (59,),
        "judge": (171, 178, 183), "jukebox": (163,), "ken": (134, 143, 186, 187, 188, 193), "lamb": (26, 150),
        "linc": (189,), "medirobot": (104,), "monitor": (30, 31, 39), "prosecution": (172,), "radman": (84, 85),
        "skorl": (68, 69), "son": (42, 43), "trevor": (103,), "ghost": (197,), "vincent": (153,), "walter": (86, 94),
    }.items()
    for animation in animations
}  # fmt: skip
"""Who is seen to speak; other animations are the hero's, or of people whose mouths do not move."""
_Code = dict[tuple[int, int], int]
"""The value of a length and a code."""
_EMPHASIS: Final = re.compile(r"(?!ID\b)\b[A-Z][A-Z']+\b")
"""A stressed word is in capitals, which a synthesiser might spell."""


def spoken(folder: Path = GAME) -> Iterator[Said]:
    """Every recording whose words the game holds: the speaker, a WAV file, the words. `InputError` for another game."""
    files = _files(folder)
    speakers = _speakers([files[number] for number in _SCRIPTS])
    code = _code((int(length, 17), ord(character)) for length, character in zip(_LENGTHS, _CHARACTERS, strict=True))
    for number in sorted(files.keys() & set(_SPEECH)):
        section = bisect(_SECTIONS, number - _SPEECH.start) - 1
        text = number - _SPEECH.start - _SECTIONS[section]
        words = _EMPHASIS.sub(lambda word: word[0].lower(), _text(files[_TEXTS + section], text, code))
        if re.search(r"[A-Za-z]", words):
            sound = _wave(_unpacked(files[number][_HEADER:]))
            yield Said(speakers.get(section << 12 | text, "foster"), sound, words.replace("`", "'"))


def _files(folder: Path) -> dict[int, bytes]:
    """What the game consists of, as it is stored."""
    table = (folder / "sky.dnr").read_bytes()
    if table[:4] != struct.pack("<I", _FILES) or len(table) != 4 + 8 * _FILES:
        raise InputError(f"{folder} is not the game's", hint="install beneath-a-steel-sky from Debian")
    disk = (folder / "sky.dsk").read_bytes()
    files = {}
    for entry in range(4, len(table), 8):
        number, start, length = (
            int.from_bytes(table[entry + a : entry + b], "little") for a, b in ((0, 2), (2, 5), (5, 8))
        )
        start = (start & 0x7FFFFF) << (4 if start >> 23 else 0)
        files[number] = disk[start : start + (length & 0x3FFFFF)]
    return files


def _speakers(scripts: list[bytes]) -> dict[int, str]:
    """Who says a text, of those that scripts say."""
    speakers: dict[int, str] = {}
    for script in scripts:
        words = struct.unpack(f"<{len(script) // 2}H", script[: len(script) // 2 * 2])
        for place in range(len(words) - 8):
            _, _, second, text, third, animation, operation, arguments, call = words[place : place + 9]
            if (second, third, operation, arguments) == (2, 2, 11, 3) and call in _CALLS:
                speakers.setdefault(text, _VOICES.get(animation, "others" if _CALLS[call] else "foster"))
    return speakers


def _code(lengths: Iterable[tuple[int, int]]) -> _Code:
    """The code whose values have these lengths: `(length, value)` in the order of the codes, which count up."""
    code, before, table = -1, 0, {}
    for length, value in lengths:
        code = code + 1 << length - before if length > before else code + 1 >> before - length
        before = length
        table[length, code] = value
    return table


def _text(texts: bytes, number: int, characters: _Code) -> str:
    lengths_at, texts_at = struct.unpack_from("<HH", texts)
    first = number // 32
    pairs = sum(struct.unpack_from(f"<{first}H", texts, 4))
    for size in texts[lengths_at + first * 32 : lengths_at + number]:
        pairs += (size & 0x7F) << 3 if size & 0x80 else size
    bit = texts_at * 8 + pairs * 2
    text = bytearray()
    while not text.endswith(b"\0"):
        length = code = 0
        while (length, code) not in characters:
            code = code << 1 | texts[bit // 8] >> 7 - bit % 8 & 1
            length += 1
            bit += 1
        text.append(characters[length, code])
    return text[:-1].decode("latin-1")


class _Bits:
    """The bits of a packed file, lowest first in words of 2 bytes that lie among the bytes that are copied.

    A word is read when its first bit is wanted, so that `place` is where the bytes to be copied lie.
    """

    def __init__(self, packed: bytes, place: int) -> None:
        self.packed = packed + bytes(2)
        self.place = place
        self._bits = self._count = 0

    def take(self, count: int) -> int:
        while self._count < count:
            self._bits |= int.from_bytes(self.packed[self.place : self.place + 2], "little") << self._count
            self.place += 2
            self._count += 16
        taken = self._bits & (1 << count) - 1
        self._bits >>= count
        self._count -= count
        return taken

    def table(self) -> _Code:
        lengths = [self.take(4) for _ in range(self.take(5))]
        return _code(sorted((length, value) for value, length in enumerate(lengths) if length))

    def value(self, table: _Code) -> int:
        length = code = 0
        while (length, code) not in table:
            code = code << 1 | self.take(1)
            length += 1
        bits = table[length, code]
        return bits if bits < 2 else 1 << bits - 1 | self.take(bits - 1)


def _unpacked(packed: bytes) -> bytes:
    """The content of `RNC\\1`: its length at 4 (4, big-endian), blocks at 17, bits from 18 on, two unused.

    A block is three codes and a number of pairs: how many bytes to copy from here, then how far back in the content
    and how many more than 2 from there; the last pair is without the second.
    """
    bits = _Bits(packed, 18)
    bits.take(2)
    content = bytearray()
    for _ in range(packed[17]):
        copies, distances, lengths = bits.table(), bits.table(), bits.table()
        for left in reversed(range(bits.take(16))):
            count = bits.value(copies)
            content += bits.packed[bits.place : bits.place + count]
            bits.place += count
            if left:
                distance, count = bits.value(distances) + 1, bits.value(lengths) + 2
                seen = bytes(content[-distance:])
                content += (seen * (count // distance + 1))[:count]
    return bytes(content)


def _wave(samples: bytes) -> bytes:
    held = io.BytesIO()
    with wave.open(held, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(_RATE_HZ)
        sound.writeframes(samples)
    return held.getvalue()
