"""Files and directories that appear whole or not at all.

Write beside the target, fsync, rename over it, fsync the directory. After a crash at any point the target holds
either what it held before or all of the new content; at worst a name that starts with `.tmp-` is left beside it,
which `sweep` removes.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = ".tmp-"


def fsync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _fsync_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def replaced_file(target: Path, *, suffix: str = "") -> Iterator[Path]:
    """Yield a path to write; on success it replaces `target`, on any exception it is removed.

    `suffix` gives the temporary name an ending, for writers that go by it.
    """
    temporary = target.parent / f"{PREFIX}{secrets.token_hex(8)}{suffix}"
    # The kernel applies the umask; asking for it would change it for the other threads.
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
    try:
        yield temporary
        _fsync_file(temporary)
        temporary.replace(target)
        fsync_directory(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_bytes(target: Path, data: bytes) -> None:
    """Replace the content of one small file."""
    with replaced_file(target) as temporary:
        temporary.write_bytes(data)


@contextlib.contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """Yield a directory to fill; on success it becomes `target`, which must not exist, else it is removed."""
    temporary = Path(tempfile.mkdtemp(prefix=PREFIX, dir=target.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        for entry in sorted(temporary.rglob("*"), reverse=True):
            if entry.is_dir():
                fsync_directory(entry)
            else:
                _fsync_file(entry)
        fsync_directory(temporary)
        temporary.rename(target)
        fsync_directory(target.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def sweep(directory: Path) -> None:
    """Remove what a crash left behind. Only for a directory with no writer at work."""
    for entry in directory.glob(PREFIX + "*"):
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)
