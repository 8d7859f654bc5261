"""A stream of bytes under a passphrase: nobody without it reads the stream, and no change to it goes unseen.

A sealed stream is a head and a row of chunks (numbers big-endian):

    head     magic "MPSEALED"   version u8 (1)   salt 16   nonce prefix 7   check 16   CRC-32 of all this u32
    chunk    up to `CHUNK` bytes, encrypted, and AES-GCM's tag of 16

scrypt makes 48 bytes of the passphrase and the salt: the AES-256 key, and the check, by which a wrong passphrase is
told from a damaged file. Chunk i is sealed under the nonce prefix + i (u32) + 1 for the last chunk, else 0 (u8), with
the head as associated data; so chunks cannot be left out, doubled, reordered or taken from another stream, nor the end
cut off (the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizar, CRYPTO 2015). All but the last are full.

scrypt's cost is fixed by the version, so that a hostile file cannot ask for the box's memory: N 2^15, r 8, p 3 is what
OWASP's password storage cheat sheet gives for 32 MiB, which the console and a recovery system can spare. `cryptography`
is imported when it is used, for the supervisor needs this module's neighbours and not ten megabytes of it.
"""

from __future__ import annotations

import secrets
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from appliance.errors import InputError

CHUNK: Final = 1 << 20
MIN_PASSPHRASE: Final = 10
_MAX_PASSPHRASE: Final = 1024
_TAG: Final = 16
_MAGIC: Final = b"MPSEALED"
_VERSION: Final = 1
_HEAD: Final = struct.Struct(">8sB16s7s16s")
_CRC: Final = struct.Struct(">I")
HEAD_BYTES: Final = _HEAD.size + _CRC.size
_SCRYPT: Final = {"n": 1 << 15, "r": 8, "p": 3}
_DAMAGED: Final = "the backup is damaged or not complete"


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


def check_passphrase(passphrase: str) -> None:
    """`InputError` unless it is good enough for a new file."""
    if len(passphrase) < MIN_PASSPHRASE:
        raise InputError(f"the passphrase has fewer than {MIN_PASSPHRASE} characters", hint="a few plain words do well")
    if len(passphrase) > _MAX_PASSPHRASE:
        raise InputError(f"the passphrase has more than {_MAX_PASSPHRASE} characters", hint="choose a shorter one")


def sealed_size(plain: int) -> int:
    """Bytes of the sealed stream of so many."""
    return HEAD_BYTES + plain + _TAG * max(1, -(-plain // CHUNK))


def seal(pieces: Iterable[bytes], passphrase: str) -> Iterator[bytes]:
    """The sealed stream of what `pieces` yields, itself in pieces."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    salt, prefix = secrets.token_bytes(16), secrets.token_bytes(7)
    key, check = _derive(passphrase, salt)
    head = _HEAD.pack(_MAGIC, _VERSION, salt, prefix, check)
    head += _CRC.pack(zlib.crc32(head))
    cipher, number = AESGCM(key), 0
    yield head
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) > CHUNK:  # what is full may still be the last
            yield cipher.encrypt(_nonce(prefix, number, last=False), bytes(waiting[:CHUNK]), head)
            del waiting[:CHUNK]
            number += 1
    yield cipher.encrypt(_nonce(prefix, number, last=True), bytes(waiting), head)


def unseal(source: Source, passphrase: str) -> Iterator[bytes]:
    """What was sealed, chunk by chunk, each of them genuine; that nothing is missing is known only at the end.

    `InputError` says whether it is no such file, the passphrase is wrong, or the file is damaged.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = _read(source, HEAD_BYTES)
    key, prefix = _opened(head, passphrase)
    cipher, number = AESGCM(key), 0
    chunk = _read(source, CHUNK + _TAG)
    while True:
        following = _read(source, CHUNK + _TAG)
        try:
            yield cipher.decrypt(_nonce(prefix, number, last=not following), chunk, head)
        except InvalidTag:
            raise InputError(_DAMAGED, hint="copy it again from where it was kept, or use another one") from None
        if not following:
            return
        chunk, number = following, number + 1


def _opened(head: bytes, passphrase: str) -> tuple[bytes, bytes]:
    """Key and nonce prefix."""
    if not head.startswith(_MAGIC):
        raise InputError("this is no backup of this kind of box", hint="choose a file that `mouthpiece backup` made")
    if len(head) < HEAD_BYTES or _CRC.pack(zlib.crc32(head[: _HEAD.size])) != head[_HEAD.size :]:
        raise InputError(_DAMAGED, hint="copy it again from where it was kept, or use another one")
    _, version, salt, prefix, check = _HEAD.unpack_from(head)
    if version != _VERSION:
        raise InputError(f"the backup is of a newer kind ({version})", hint="update this box first")
    key, own_check = _derive(passphrase[:_MAX_PASSPHRASE], salt)
    if not secrets.compare_digest(check, own_check):
        raise InputError("the passphrase is wrong", hint="give the one that the backup was made with")
    return key, prefix


def _derive(passphrase: str, salt: bytes) -> tuple[bytes, bytes]:
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

    made = Scrypt(salt, length=48, **_SCRYPT).derive(passphrase.encode())
    return made[:32], made[32:]


def _nonce(prefix: bytes, number: int, *, last: bool) -> bytes:
    return prefix + struct.pack(">IB", number, last)


def _read(source: Source, size: int) -> bytes:
    """So many bytes, fewer only at the end."""
    parts = []
    while size > 0 and (part := source.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
