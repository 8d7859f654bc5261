"""Is this a Python that the runtime is made for?"""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator

from appliance.findings import Finding, Status

OLDEST, NEWEST = (3, 11), (3, 14)


def check(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    found = f"{platform.python_implementation()} {platform.python_version()}"
    if version < OLDEST:
        fix = "install Python 3.11 or newer and run `make setup` again"
        yield Finding("python", Status.PROBLEM, f"{found} is too old", fix)
    elif version > NEWEST:
        fix = "if anything misbehaves, use Python 3.11 to 3.14"
        yield Finding("python", Status.WARNING, f"{found} is newer than what this release was tested with", fix)
    else:
        yield Finding("python", Status.OK, found)
