"""What takes minutes to make is made once, and lies in the user's cache directory under the hash of what it is made of.

Layout: `$XDG_CACHE_HOME/mouthpiece/virtual-board/NAME-HASH/`, complete or absent: a thing is made in a folder beside it
and renamed when it is whole. Whoever makes a thing holds a lock, so that two who want it make it once. Nothing is ever
changed after the rename; all of it may be deleted at any time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path


def root() -> Path:
    """The folder that holds everything, made when it is missing."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "mouthpiece/virtual-board"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def place(name: str, ingredients: Iterable[str | bytes]) -> Path:
    """Where a thing made of `ingredients` lies, or would."""
    digest = hashlib.sha256()
    for ingredient in ingredients:
        content = ingredient.encode() if isinstance(ingredient, str) else ingredient
        digest.update(len(content).to_bytes(8, "big") + content)
    return root() / f"{name}-{digest.hexdigest()[:16]}"


def keep_newest(name: str, count: int) -> None:
    """Remove all things of a name but those made last: of what changes with every edit of the checkout."""
    found = [path for path in root().glob(f"{name}-*") if path.is_dir()]
    for old in sorted(found, key=lambda path: path.stat().st_mtime)[:-count]:
        shutil.rmtree(old, ignore_errors=True)


def made(folder: Path, make: Callable[[Path], None]) -> Path:
    """`folder`, filled by `make` if it is not there. What `make` raises leaves nothing behind."""
    if folder.exists():
        return folder
    with (root() / f".{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        scratch = root() / f".{folder.name}.new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            make(scratch)
            scratch.rename(folder)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return folder
