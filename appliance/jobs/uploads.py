"""What people hand in: recordings, pictures and videos, each kept under an id until nothing needs it.

On disk `data/uploads/ID/`, which appears whole or not at all:

    meta.json   {"id", "name", "size", "sha256", "received": unix seconds}
    content     the file, exactly as it came; what it is, the worker finds out

`name` is what the file was called where it came from, for people; it is never used as a path. Nothing is decoded here.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from appliance.errors import InputError, UnhealthyError
from appliance.jobs import leftovers
from appliance.jobs.job import ID, new_id
from appliance.storage import atomic
from appliance.volumes import Volumes

_META: Final = "meta.json"
_CONTENT: Final = "content"
_CHUNK_BYTES: Final = 1 << 18
_MAX_NAME: Final = 120
_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """One upload; `path` is its content."""

    id: str
    name: str
    size: int
    sha256: str
    received: float
    path: Path


def receive(volumes: Volumes, stream: Stream, name: str, limit_bytes: int) -> Upload:
    """Keep what a stream yields up to its end; durable when this returns. `InputError` if it is empty or too big."""
    shown = display_name(name)
    with _new(volumes) as (upload, folder):
        digest, size = hashlib.sha256(), 0
        with (folder / _CONTENT).open("xb") as file:
            while chunk := stream.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > limit_bytes:
                    raise InputError(
                        f"{shown} is larger than {limit_bytes / 1e6:,.0f} MB",
                        hint="use a smaller file, or raise the setting upload_max_mb",
                    )
                digest.update(chunk)
                file.write(chunk)
        if not size:
            raise InputError(f"{shown} is empty", hint="choose another file")
        _describe(folder, upload, shown, size, digest.hexdigest())
    return get(volumes, upload)


def adopt(volumes: Volumes, path: Path, name: str) -> Upload:
    """Make an upload of a file of the box's own on the data volume, which is taken away from where it lies.

    It gets a second name, not a copy: there may be no room for one.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with _new(volumes) as (upload, folder):
        (folder / _CONTENT).hardlink_to(path)
        _describe(folder, upload, display_name(name), path.stat().st_size, digest)
    path.unlink()
    return get(volumes, upload)


def _describe(folder: Path, upload: str, name: str, size: int, sha256: str) -> None:
    meta = {"id": upload, "name": name, "size": size, "sha256": sha256, "received": time.time()}
    (folder / _META).write_text(json.dumps(meta), encoding="utf-8")


def get(volumes: Volumes, upload: str) -> Upload:
    """The upload of that id; `InputError` if there is none."""
    if ID.fullmatch(upload):
        folder = volumes.uploads / upload
        with contextlib.suppress(OSError, ValueError, TypeError):
            return Upload(**json.loads((folder / _META).read_text(encoding="utf-8")), path=folder / _CONTENT)
    raise InputError(f"there is no upload {upload[:40]}", hint="upload the file again; uploads are kept for some hours")


def sweep(volumes: Volumes, max_age_s: float, keep: Collection[str]) -> list[str]:
    """Remove uploads older than that, save those in use, and what interrupted ones left; returns the removed ids."""
    removed = []
    now = time.time()
    for folder in _folders(volumes):
        if folder.name not in keep and now - _received(folder) > max_age_s:
            leftovers.remove(folder)
            removed.append(folder.name)
    leftovers.sweep(volumes.uploads)
    return removed


def display_name(name: str) -> str:
    """The last part of a path as a name for people: no control characters, of a bearable length, never empty."""
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    clean = "".join(letter if letter.isprintable() else " " for letter in last).strip()
    return clean[:_MAX_NAME] or "upload"


@contextlib.contextmanager
def _new(volumes: Volumes) -> Iterator[tuple[str, Path]]:
    """A new id and the folder to fill for it."""
    upload = new_id()
    try:
        leftovers.make_folder(volumes.uploads)
        with atomic.new_directory(volumes.uploads / upload) as folder:
            yield upload, folder
    except OSError as error:
        full = error.errno in _SPACE
        raise UnhealthyError(
            f"the upload cannot be kept: {error.strerror or error}",
            hint="remove old videos" if full else "see `mouthpiece doctor`",
        ) from error


def _folders(volumes: Volumes) -> list[Path]:
    with contextlib.suppress(FileNotFoundError):
        return [folder for folder in volumes.uploads.iterdir() if ID.fullmatch(folder.name)]
    return []


def _received(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return folder.stat().st_mtime
    return time.time()
