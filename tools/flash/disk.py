"""Writes a disk image to a disk and reads all of it back.

The image is first fitted to the disk (`fit`): its last partition gets all that is left, and the second copy of the
table its place at the end. Of what is sparse then, only what is in it is written, and the first MiB of every partition:
what an older system left there could be taken for a file system of this one. The disk is opened exclusively, so that
the kernel refuses when something begins to use it.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline.progress import Job

_BLOCK: Final = 4 << 20
_HEAD: Final = 1 << 20
_SECTOR: Final = 512
_BLKFLSBUF: Final = 0x1261
_PATH: Final = os.environ | {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}


@dataclass(frozen=True, slots=True)
class Extent:
    start: int
    end: int


def fit(image: Path, size: int, copy: Path) -> None:
    """Make `copy` what a disk of `size` bytes should hold."""
    _partitions(image)
    subprocess.run(["cp", "--sparse=always", str(image), str(copy)], check=True)
    with copy.open("r+b") as file:
        file.truncate(size // _SECTOR * _SECTOR)
    last = str(len(_partitions(image)))
    for change in (["--relocate", "gpt-bak-std", str(copy)], ["--partno", last, str(copy)]):
        subprocess.run(["sfdisk", "--quiet", *change], env=_PATH, input=b", +\n", check=True, capture_output=True)


def extents(image: Path) -> list[Extent]:
    """What of the image is to be written, in order and without overlaps."""
    size = image.stat().st_size
    parts = [Extent(start, min(start + _HEAD, size)) for start in _partitions(image)]
    with image.open("rb") as file:
        parts += _data(file.fileno(), size)
    merged: list[Extent] = []
    for part in sorted(parts, key=lambda one: one.start):
        if merged and part.start <= merged[-1].end:
            merged[-1] = Extent(merged[-1].start, max(part.end, merged[-1].end))
        else:
            merged.append(part)
    return merged


def write(image: Path, target: Path, job: Job) -> None:
    """`UnhealthyError` when the disk fails, or does not give back what was written to it."""
    todo = extents(image)
    total = sum(part.end - part.start for part in todo)
    try:
        with image.open("rb") as source, _opened(target, os.O_WRONLY) as file:
            done = 0
            for offset, block in _blocks(source.fileno(), todo):
                _write_all(file, block, offset)
                # Otherwise it is the memory that is written to, and the disk's time comes as a surprise at the end.
                os.fdatasync(file)
                done += len(block)
                job.step("write", done, total)
        with image.open("rb") as source, _opened(target, os.O_RDONLY) as file:
            _forget(file)
            done = 0
            for offset, block in _blocks(source.fileno(), todo):
                if os.pread(file, len(block), offset) != block:
                    raise UnhealthyError(
                        f"{target} does not give back what was written to it, near byte {offset}",
                        hint="write it again; when that fails too, the disk, its reader or its cable is broken",
                    )
                done += len(block)
                job.step("verify", done, total)
    except PermissionError as error:
        raise InputError(f"{target} may only be written by root", hint="run it with sudo") from error
    except OSError as error:
        raise UnhealthyError(f"{target}: {error.strerror}", hint="is it still there, and not in use?") from error


def _partitions(image: Path) -> list[int]:
    """Where they begin, in bytes."""
    command = ["sfdisk", "--json", str(image)]
    done = subprocess.run(command, env=_PATH, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InputError(f"{image} is no disk image: {done.stderr.strip()}")
    partitions = json.loads(done.stdout)["partitiontable"]["partitions"]
    return [part["start"] * _SECTOR for part in partitions]


def _data(file: int, size: int) -> Iterator[Extent]:
    position = 0
    while position < size:
        try:
            start = os.lseek(file, position, os.SEEK_DATA)
        except OSError:
            return
        position = os.lseek(file, start, os.SEEK_HOLE)
        yield Extent(start, position)


def _blocks(file: int, todo: list[Extent]) -> Iterator[tuple[int, bytes]]:
    for part in todo:
        for offset in range(part.start, part.end, _BLOCK):
            yield offset, os.pread(file, min(_BLOCK, part.end - offset), offset)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    exclusive = os.O_EXCL if stat.S_ISBLK(path.stat().st_mode) else 0
    file = os.open(path, flags | exclusive | os.O_CLOEXEC)
    try:
        yield file
    finally:
        os.close(file)


def _write_all(file: int, block: bytes, offset: int) -> None:
    view = memoryview(block)
    while view:
        written = os.pwrite(file, view, offset)
        view, offset = view[written:], offset + written


def _forget(file: int) -> None:
    """What is in memory of the disk would be compared with itself."""
    if stat.S_ISBLK(os.fstat(file).st_mode):
        fcntl.ioctl(file, _BLKFLSBUF)
    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
