"""The game's dialogues: each recording comes with the words that are said in it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.train import dialogues
from tools.train.dialogues import Said


def line(number: int, text: str) -> bytes:
    packed = struct.pack(">hhB", 0, number, len(text)) + text.encode("latin-1")
    return packed + bytes(-len(packed) % 4)


def conversation(heros: list[bytes], others: list[bytes], *, key: int, levels: int) -> bytes:
    tree = bytes(96 * abs(levels))
    others_at = 32 + len(tree) + sum(map(len, heros))
    head = struct.pack(">5h12xHHH", levels, 1, key, len(heros), len(others), others_at, 0, 0)
    return bytes(20) + head.ljust(32, b"\0") + tree + b"".join(heros) + b"".join(others)


@pytest.fixture
def game(tmp_path: Path) -> Path:
    heros = [line(6, "Hello. *15How are you?*02"), line(0xFBB, "*16*02Bye.")]
    others = [line(0x2B, "Well*XY00(237,112), I *GDlive.*00Go away!")]
    members = {
        "AND1.DOG": conversation(heros, others, key=2, levels=-3),
        "020006J1.SB": b"hello",
        "020006J2.SB": b"how",
        "020FBBJ3.SB": b"bye",
        "02002BP1.SB": b"well",
        "02002BP2.SB": b"live",
        "02002BP3.SB": b"away",
        "JOE00331.SB": b"nobody knows",
    }
    place, table = 15 + 21 * len(members), b""
    for name, content in members.items():
        table += struct.pack(">12sBII", name.encode(), 1, place, len(content))
        place += len(content)
    path = tmp_path / "queen.1c"
    path.write_bytes(b"QTBLCEM10\0\0\0\1" + struct.pack(">H", len(members)) + table + b"".join(members.values()))
    return path


def test_every_recording_comes_with_its_words(game: Path) -> None:
    assert list(dialogues.spoken(game)) == [
        Said("joe", b"hello", "Hello."),
        Said("joe", b"how", "How are you?"),
        Said("joe", b"bye", "Bye."),
        Said("and", b"well", "Well"),
        Said("and", b"live", ", I live."),
        Said("and", b"away", "Go away!"),
    ]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "queen.1c").write_bytes(b"something else")
    with pytest.raises(InputError, match=r"queen\.1c is not the game's file"):
        list(dialogues.spoken(tmp_path / "queen.1c"))
