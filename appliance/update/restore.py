"""Restore: what a backup holds put back, all of it or nothing.

    data/.tmp-...      being unpacked and verified; a crash leaves it to be swept
    data/restore/      verified to its last byte and durable: from this name on, the restore will be carried out
        manifest.json, config.json, jobs.jsonl, avatars/NAME/, outputs/FILE    as in the archive

Carrying it out hands the jobs' lines to `adopt` and replaces the configuration; if either does not fit this box, the
folder goes and nothing else. Then it only renames, avatar by avatar and video by video. Each step may be done twice, so
after a crash `resume` goes on where it ended. An avatar or video that the backup has replaces the box's own of that
name; others stay. One at a time: `run/restore.lock`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance import __version__
from appliance.errors import InputError, UnhealthyError
from appliance.storage import atomic
from appliance.storage.config import ConfigStore
from appliance.update import archive, sealed, space
from appliance.update.step import Step, quiet
from appliance.update.version import is_older
from appliance.volumes import Volumes

FOLDER: Final = "restore"
_PIECE: Final = 1 << 20
_SMALL: Final = 64 << 20
"""Bytes that the files which are read as a whole may have."""

Adopt = Callable[[bytes], None]
"""Takes the content of `jobs.jsonl`; may be called twice with the same."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself. `created`: unix seconds."""

    version: str
    created: float
    name: str
    bytes: int
    files: int


def restore(volumes: Volumes, source: sealed.Source, passphrase: str, adopt: Adopt, step: Step = quiet) -> Manifest:
    """Verify the sealed file `source` to its end, then put back what it holds.

    `InputError` for a wrong passphrase, a damaged file, a newer version's or a full disk: then nothing has changed.
    """
    with _alone(volumes):
        _carry_out(volumes, adopt)
        manifest = _unpack(volumes, source, passphrase, step)
        _carry_out(volumes, adopt)
    return manifest


def resume(volumes: Volumes, adopt: Adopt) -> bool:
    """Finish a restore that a crash cut short, and sweep what a crash left of unpacking; whether there was one."""
    if not volumes.data.is_dir():
        return False
    with _alone(volumes):
        return _carry_out(volumes, adopt)


@contextlib.contextmanager
def _alone(volumes: Volumes) -> Iterator[None]:
    """Hold the lock, and explain what the disk complains about."""
    try:
        for folder in (volumes.run, volumes.data):
            folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(volumes.run / "restore.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        finally:
            os.close(handle)
    except BlockingIOError:
        raise InputError("a backup is being restored already", hint="wait until it is done") from None
    except OSError as error:
        raise UnhealthyError(
            f"the backup cannot be restored: {error.strerror or error}", hint="see `mouthpiece doctor`"
        ) from error


def _unpack(volumes: Volumes, source: sealed.Source, passphrase: str, step: Step) -> Manifest:
    folder = Path(tempfile.mkdtemp(prefix=f"{atomic.PREFIX}{FOLDER}-", dir=volumes.data))
    try:
        files = archive.Reader(sealed.unseal(source, passphrase)).files()
        manifest = _introduction(files, folder)
        space.check(volumes.data, manifest.bytes)
        done = 0
        for name, size, content in files:
            if name in (archive.CONFIG, archive.JOBS):
                _write(folder / name, [_whole(name, size, content)])
            else:
                _write(folder / name, _counted(content, done, manifest.bytes, step))
            done += size
        _check(folder)
        for entry in [folder, *folder.rglob("*")]:
            if entry.is_dir():
                atomic.fsync_directory(entry)
        folder.rename(volumes.data / FOLDER)
        atomic.fsync_directory(volumes.data)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return manifest


def _introduction(files: Iterator[tuple[str, int, sealed.Source]], folder: Path) -> Manifest:
    """The manifest, which comes first, kept and understood."""
    for name, size, content in files:
        if name == archive.MANIFEST:
            text = _whole(name, size, content)
            _write(folder / name, [text])
            return _understood(text)
        break
    raise InputError("the backup does not say what it is", hint="use another one")


def _check(folder: Path) -> None:
    for name in (archive.CONFIG, archive.JOBS):
        if not (folder / name).is_file():
            raise InputError(f"the backup has no {name}", hint="use another one")
    archive.load_object((folder / archive.CONFIG).read_bytes(), archive.CONFIG)


def _counted(content: sealed.Source, before: int, total: int, step: Step) -> Iterator[bytes]:
    done = before
    while piece := content.read(_PIECE):
        yield piece
        done += len(piece)
        step("checking", done, total)


def _whole(name: str, size: int, content: sealed.Source) -> bytes:
    if size > _SMALL:
        raise InputError(f"the backup's {name} is larger than {_SMALL >> 20} MiB", hint="use another one")
    return content.read(size)


def _write(path: Path, pieces: Iterator[bytes] | list[bytes]) -> None:
    """A new file, durable."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        for piece in pieces:
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _understood(text: bytes) -> Manifest:
    said: dict[str, Any] = archive.load_object(text, archive.MANIFEST)
    try:
        kind = int(said.pop("format"))
        manifest = Manifest(**said) if kind == archive.FORMAT else Manifest(str(said["version"]), 0, "", 0, 0)
    except (KeyError, TypeError, ValueError):
        raise InputError("the backup does not say what it is", hint="use another one") from None
    if kind > archive.FORMAT or is_older(__version__, manifest.version):
        raise InputError(
            f"the backup was made by version {manifest.version}; this box has {__version__}",
            hint="update this box first",
        )
    return manifest


def _carry_out(volumes: Volumes, adopt: Adopt) -> bool:
    ready = volumes.data / FOLDER
    for left in volumes.data.glob(f"{atomic.PREFIX}{FOLDER}-*"):
        shutil.rmtree(left, ignore_errors=True)
    if not ready.is_dir():
        return False
    try:
        adopt((ready / archive.JOBS).read_bytes())
        _configure(volumes, json.loads((ready / archive.CONFIG).read_bytes()))
    except InputError:
        _clear(volumes, ready)
        raise
    for name, target in (("avatars", volumes.avatars), ("outputs", volumes.outputs)):
        target.mkdir(parents=True, exist_ok=True)
        for entry in sorted((ready / name).glob("*")):
            _move(entry, target / entry.name)
        atomic.fsync_directory(target)
    _clear(volumes, ready)
    return True


def _configure(volumes: Volumes, config: dict[str, Any]) -> None:
    def replace(values: dict[str, Any]) -> None:
        values.clear()
        values.update(config)

    ConfigStore(volumes).update(replace)


def _clear(volumes: Volumes, ready: Path) -> None:
    done = volumes.data / f"{atomic.PREFIX}{FOLDER}-done"
    ready.rename(done)
    atomic.fsync_directory(volumes.data)
    shutil.rmtree(done, ignore_errors=True)


def _move(entry: Path, target: Path) -> None:
    """Put a file or folder in place of what may be there; a folder's predecessor goes out of the way first."""
    if target.is_dir():
        doomed = Path(tempfile.mkdtemp(prefix=atomic.PREFIX, dir=target.parent))
        target.rename(doomed / target.name)
        entry.rename(target)
        shutil.rmtree(doomed, ignore_errors=True)
    else:
        entry.rename(target)
