"""The second game's lines: each recording comes with the words that are said in it, and who says them."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.train import steel_sky

CODES = {
    " ": "000",
    "e": "0010",
    "o": "01000",
    "n": "01011",
    ".": "01100",
    "E": "100001",
    "N": "101100",
    "O": "1100000",
    "\0": "100000",
}


class Bits:
    """What the unpacker reads: bits in words of two bytes, which lie among the bytes to be copied."""

    def __init__(self) -> None:
        self.content = bytearray()
        self.left = self.word = 0

    def put(self, value: int, count: int) -> None:
        for bit in range(count):
            if not self.left:
                self.word, self.left = len(self.content), 16
                self.content += bytes(2)
            place = 16 - self.left
            self.content[self.word + place // 8] |= (value >> bit & 1) << place % 8
            self.left -= 1


def packed(start: bytes, *, repeated: int) -> bytes:
    """From four to seven bytes, then so often the last two again."""
    bits = Bits()
    bits.put(0, 2)
    for lengths in ((1, 0, 0, 1), (0, 1), (0, 0, 0, 0, 0, 1)):
        bits.put(len(lengths), 5)
        for length in lengths:
            bits.put(length, 4)
    bits.put(2, 16)
    bits.put(1, 1)
    bits.put(len(start) - 4, 2)
    bits.content += start
    bits.put(0, 1)
    bits.put(0, 1)
    bits.put(2 * repeated - 2 - 16, 4)
    bits.put(0, 1)
    size = len(start) + 2 * repeated
    return b"RNC\1" + struct.pack(">IIHHBB", size, len(bits.content), 0, 0, 0, 1) + bytes(bits.content)


def texts(*lines: str) -> bytes:
    lengths, stream = bytearray(), ""
    for line in lines:
        code = "".join(CODES[character] for character in line + "\0")
        code += "0" * (-len(code) % 2)
        lengths.append(len(code) // 2)
        stream += code
    stream += "0" * (-len(stream) % 8)
    coded = int(stream, 2).to_bytes(len(stream) // 8, "big")
    return struct.pack("<HH", 4, 4 + len(lengths)) + bytes(lengths) + coded


def says(text: int, animation: int, call: int) -> bytes:
    return struct.pack("<9H", 0, 12, 2, text, 2, animation, 11, 3, call)


@pytest.fixture
def game(tmp_path: Path) -> Path:
    files = dict.fromkeys((*range(60400, 60407), *range(60600, 60608)), b"")
    files[60600] = texts("..", "one.", "No NONE.")
    files[60601] = texts("eon")
    files[60400] = says(2, 59, 152) + says(0x1000, 0, 148)
    sound = bytes(22) + packed(b"abcde", repeated=9)
    files |= dict.fromkeys((50000, 50001, 50002, 50600, 59500), sound)
    files |= dict.fromkeys(range(1, 5097 - len(files) + 1), b"")
    table, disk = struct.pack("<I", 5097), bytearray()
    for number, content in files.items():
        far = number == 60600
        disk += bytes(-len(disk) % 16)
        start = len(disk) // 16 | 0x800000 if far else len(disk)
        table += struct.pack("<H", number) + start.to_bytes(3, "little") + len(content).to_bytes(3, "little")
        disk += content
    (tmp_path / "sky.dnr").write_bytes(table)
    (tmp_path / "sky.dsk").write_bytes(disk)
    return tmp_path


def test_every_recording_comes_with_its_words_and_its_speaker(game: Path) -> None:
    said = list(steel_sky.spoken(game))
    assert [(line.speaker, line.text) for line in said] == [
        ("foster", "one."),
        ("joey", "No none."),
        ("others", "eon"),
    ]


def test_a_recording_is_unpacked_into_a_wav_file(game: Path) -> None:
    with wave.open(io.BytesIO(next(steel_sky.spoken(game)).sound)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 1, 11025)
        assert sound.readframes(100) == b"abcde" + 9 * b"de"


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sky.dnr").write_bytes(b"something else")
    with pytest.raises(InputError, match="is not the game's"):
        list(steel_sky.spoken(tmp_path))
