"""A database on a volume that takes no more writes, as it was when it froze: a copy in memory, which nobody can change.

SQLite cannot read a write-ahead log beside which it may not write. So the file and its log are copied to where can be
written, a temporary folder, and are read from there into memory; nobody changes them meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path


def is_frozen(path: Path) -> bool:
    """Whether the volume that a file is on, or would be made on, is read-only."""
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except FileNotFoundError:
        return False


def copy(path: Path) -> sqlite3.Connection:
    """An empty one where there is no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with tempfile.TemporaryDirectory(prefix="mouthpiece-") as folder:
            copied = Path(folder) / path.name
            for ending in ("", "-wal"):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copyfile(path.with_name(path.name + ending), copied.with_name(copied.name + ending))
            with contextlib.closing(sqlite3.connect(copied)) as source:
                source.backup(connection)
    except BaseException:
        connection.close()
        raise
    return connection
