"""Is there room for what is about to be written?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from appliance.errors import InputError

_SPARE: Final = 64 << 20
"""Bytes left for what else writes to the same disk meanwhile."""


def check(folder: Path, needed: int) -> None:
    """`InputError` unless `needed` bytes fit where `folder` lies, with something to spare."""
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    if needed + _SPARE > free:
        raise InputError(
            f"{folder} has {free / 1e6:,.0f} MB free; this needs {(needed + _SPARE) / 1e6:,.0f} MB",
            hint="make room there, or choose another place",
        )
