"""The sealed stream: nothing of it can be changed unseen."""

from __future__ import annotations

import io
import os

import pytest

from appliance.errors import InputError
from appliance.update import sealed

PASSPHRASE = "correct horse battery"  # noqa: S105
DAMAGED = "the backup is damaged or not complete"


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "CHUNK", 16)


def seal(plain: bytes, size: int = 7) -> bytes:
    pieces = (plain[start : start + size] for start in range(0, len(plain), size))
    return b"".join(sealed.seal(pieces, PASSPHRASE))


def unseal(stream: bytes, passphrase: str = PASSPHRASE) -> bytes:
    return b"".join(sealed.unseal(io.BytesIO(stream), passphrase))


def refused(stream: bytes, passphrase: str = PASSPHRASE) -> str:
    with pytest.raises(InputError) as caught:
        unseal(stream, passphrase)
    return caught.value.message


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 32, 33, 1000])
@pytest.mark.parametrize("piece", [1, 16, 50, 2000])
def test_what_was_sealed_comes_back_and_its_size_was_known(size: int, piece: int) -> None:
    plain = os.urandom(size)
    stream = seal(plain, piece)
    assert unseal(stream) == plain
    assert len(stream) == sealed.sealed_size(size)


def test_the_same_content_never_looks_the_same_and_is_not_in_it() -> None:
    plain = b"mouthpiece" * 10
    one, other = seal(plain), seal(plain)
    assert one[9:] != other[9:]
    assert b"mouthpiece" not in one


def test_every_flipped_bit_is_noticed() -> None:
    stream = seal(os.urandom(40))
    for place in range(len(stream) * 8):
        changed = bytearray(stream)
        changed[place // 8] ^= 1 << place % 8
        refused(bytes(changed))


def test_a_stream_cut_off_anywhere_is_noticed() -> None:
    stream = seal(os.urandom(48))
    for length in range(len(stream)):
        refused(stream[:length])


def test_more_at_the_end_is_noticed() -> None:
    assert refused(seal(b"a" * 16) + b"x") == DAMAGED


def test_chunks_in_another_order_twice_or_missing_are_noticed() -> None:
    stream, step = seal(bytes(64)), 16 + 16
    head, body = stream[: sealed.HEAD_BYTES], stream[sealed.HEAD_BYTES :]
    chunks = [body[start : start + step] for start in range(0, len(body), step)]
    assert len(chunks) == 4
    for order in ([1, 0, 2, 3], [0, 1, 2, 2, 3], [0, 2, 3], [0, 1, 2], [3], []):
        assert refused(head + b"".join(chunks[number] for number in order)) == DAMAGED


def test_a_chunk_of_another_stream_of_the_same_passphrase_is_noticed() -> None:
    one, other = seal(bytes(16)), seal(bytes(16))
    assert refused(one[: sealed.HEAD_BYTES] + other[sealed.HEAD_BYTES :]) == DAMAGED


def test_what_is_wrong_is_said() -> None:
    stream = seal(b"content")
    assert refused(stream, "another passphrase") == "the passphrase is wrong"
    assert refused(b"PK\x03\x04" + bytes(100)) == "this is no backup of this kind of box"
    assert refused(b"") == "this is no backup of this kind of box"
    damaged_salt = bytearray(stream)
    damaged_salt[12] ^= 1
    assert refused(bytes(damaged_salt)) == DAMAGED, "not a wrong passphrase"


def test_a_new_passphrase_has_a_bearable_length() -> None:
    with pytest.raises(InputError, match="fewer than 10"):
        sealed.check_passphrase("short")
    with pytest.raises(InputError, match="more than 1024"):
        sealed.check_passphrase("x" * 1025)
    sealed.check_passphrase(PASSPHRASE)
