"""Folders that outlive a power cut, and what interrupted writers leave in them."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from appliance.storage import atomic

_OLD_S: Final = 3600.0
"""A writer that has not touched its unfinished work for so long is gone."""


def make_folder(path: Path) -> None:
    """Make a folder and those above it, durably; what is there already is left alone."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=True)
        atomic.fsync_directory(path.parent)


def remove(folder: Path) -> None:
    """Take a folder away: in one step from its name, then its content."""
    doomed = Path(tempfile.mkdtemp(prefix=atomic.PREFIX, dir=folder.parent))
    with contextlib.suppress(FileNotFoundError):
        folder.rename(doomed / folder.name)
        atomic.fsync_directory(folder.parent)
    shutil.rmtree(doomed, ignore_errors=True)


def sweep(folder: Path, *, older_than_s: float = _OLD_S) -> None:
    """Remove unfinished files and folders that nobody has written to for a while. Writers may be at work."""
    before = time.time() - older_than_s
    for entry in folder.glob(f"{atomic.PREFIX}*"):
        with contextlib.suppress(OSError):
            if max(path.stat().st_mtime for path in (entry, *entry.rglob("*"))) < before:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
