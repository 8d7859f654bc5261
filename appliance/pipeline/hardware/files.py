"""Reading the small text files of `/proc` and `/sys`, any of which may be missing or refuse."""

from __future__ import annotations

from pathlib import Path


def read_text(path: Path) -> str | None:
    """The file's text, or None if it cannot be read.

    Without trailing blanks and NULs: strings of the device tree end in one.
    """
    try:
        return path.read_bytes().decode("utf-8", "replace").rstrip("\0\n\t ")
    except OSError:
        return None


def read_int(path: Path) -> int | None:
    """The file's text as a decimal number, or None."""
    try:
        return int(read_text(path) or "")
    except ValueError:
        return None
