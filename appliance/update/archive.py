"""What a backup holds: a tar archive (POSIX.1-2001, pax), so that it can be read without this program once unsealed.

    manifest.json      {"format": 1, "version", "created": unix seconds, "name", "bytes": of all that follow, "files"}
    config.json        the configuration, whole: settings, password hash, certificate and its key
    jobs.jsonl         the finished videos' jobs, see `appliance.jobs.saved`
    avatars/NAME/...   \\
    outputs/FILE       / as they lie on the data volume

The order is fixed, and nothing else may be in it. `members` and `pieces` make one; `Reader` takes one apart.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from appliance.errors import InputError
from appliance.storage import atomic
from appliance.update.sealed import CHUNK, Source

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
CONFIG: Final = "config.json"
JOBS: Final = "jobs.jsonl"
FOLDERS: Final = ("avatars", "outputs")
_PIECE: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive: its content at hand, or where it lies and what it was like when it was found."""

    name: str
    size: int
    content: bytes | None = None
    path: Path | None = None
    seen: tuple[int, int] = (0, 0)
    """Inode and time of change in nanoseconds."""


def at_hand(name: str, content: bytes) -> Member:
    return Member(name, len(content), content)


def files_below(folder: Path, name: str) -> Iterator[Member]:
    """Every finished file below a folder, by name; none where there is no folder."""
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if not any(part.startswith(".") for part in inner.parts) and path.is_file() and not path.is_symlink():
            found = path.stat()
            seen = (found.st_ino, found.st_mtime_ns)
            yield Member(f"{name}/{inner.as_posix()}", found.st_size, path=path, seen=seen)


def archive_size(members: Sequence[Member]) -> int:
    """Bytes that `pieces` yields."""
    total = sum(len(_head(member)) + _padded(member.size) for member in members) + 2 * tarfile.BLOCKSIZE
    return -(-total // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def pieces(members: Sequence[Member]) -> Iterator[bytes]:
    """The archive. `InputError` for a file that was replaced or removed meanwhile."""
    total = 0
    for member in members:
        head = _head(member)
        total += len(head) + _padded(member.size)
        yield head
        yield from _content(member)
        yield bytes(_padded(member.size) - member.size)
    yield bytes(archive_size(members) - total)


def _head(member: Member) -> bytes:
    info = tarfile.TarInfo(member.name)
    info.size, info.mode = member.size, 0o600
    info.mtime = member.seen[1] // 10**9
    return info.tobuf(tarfile.PAX_FORMAT, errors="surrogateescape")


def _padded(size: int) -> int:
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _content(member: Member) -> Iterator[bytes]:
    if member.path is None:
        yield member.content or b""
        return
    try:
        with member.path.open("rb") as file:
            found = os.fstat(file.fileno())
            if (found.st_ino, found.st_mtime_ns, found.st_size) != (*member.seen, member.size):
                raise _changed(member)
            left = member.size
            while left and (piece := file.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece
            if left:
                raise _changed(member)
    except FileNotFoundError:
        raise _changed(member) from None


def _changed(member: Member) -> InputError:
    return InputError(f"{member.name} was changed or removed while it was being saved", hint="make the backup again")


class Reader:
    """Takes an archive apart; `files` may be gone through once. What is no archive of ours raises `InputError`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._stream = _Stream(chunks)

    def files(self) -> Iterator[tuple[str, int, Source]]:
        """Name, size and content of every file, the manifest first; ends when the whole stream has been read."""
        try:
            with tarfile.open(fileobj=self._stream, mode="r|", bufsize=CHUNK) as tar:  # type: ignore[call-overload]
                for info in tar:
                    _check(info)
                    content = tar.extractfile(info)
                    assert content is not None  # noqa: S101  a regular file
                    yield info.name, info.size, content
                    tar.members.clear()  # else it remembers every file
        except tarfile.TarError as error:
            raise InputError(f"the backup cannot be read: {error}", hint="use another one") from error
        self._stream.drain()


class _Stream:
    """Chunks as a file to read from."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def read(self, size: int) -> bytes:
        while len(self._rest) < size and (chunk := next(self._chunks, b"")):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def drain(self) -> None:
        self._rest = b""
        for _ in self._chunks:
            pass


def _check(info: tarfile.TarInfo) -> None:
    parts = PurePosixPath(info.name).parts
    below = len(parts) > 1 and parts[0] in FOLDERS
    plain = all(part not in ("..", "/") and not part.startswith((".", atomic.PREFIX)) for part in parts)
    if not (info.isreg() and plain and (below or info.name in (MANIFEST, CONFIG, JOBS))):
        raise InputError(f"the backup holds {info.name!r}, which none of this box does", hint="use another one")


def load_object(content: bytes, name: str) -> dict[str, object]:
    """A JSON object of the archive."""
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InputError(f"the backup's {name} cannot be read", hint="use another one")
    return found
