"""Which of two versions is the older one, by the rules of Semantic Versioning 2.0.0, section 11.

RAUC compares versions in the same way. What is no such version (a date, a branch) is older than every one that is, so
that a bundle with a nonsensical version never passes for an upgrade.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from appliance import __version__

_SEMANTIC: Final = re.compile(r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?")
_Key = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def is_older(version: str, than: str) -> bool:
    """Whether `version` comes before `than`."""
    return _key(version) < _key(than)


def _key(version: str) -> _Key:
    found = _SEMANTIC.fullmatch(version.strip())
    if found is None:
        return (-1, 0, 0, False, ())
    major, minor, patch, pre = found.groups()
    parts = tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in (pre or "").split("."))
    return (int(major), int(minor or 0), int(patch or 0), pre is None, parts if pre else ())


def running(root: Path = Path("/")) -> str:
    """The version of the system that runs: the image's (os-release(5)), or the program's where there is no image."""
    for name in ("etc/os-release", "usr/lib/os-release"):
        try:
            lines = (root / name).read_text(encoding="utf-8").splitlines()
        except OSError:
            continue
        values = dict(line.partition("=")[::2] for line in lines)
        return values.get("IMAGE_VERSION", "").strip("\"'") or __version__
    return __version__
