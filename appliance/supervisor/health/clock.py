"""Is the clock sane?

A board without a battery starts in 1970 or at its image's build time. Then certificates are "not yet valid", logs are
dated wrongly and cached files look newer than they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

from appliance.findings import Finding, Status
from appliance.volumes import Volumes

_CHECK = "clock"
_FIX = "let the box reach a time server, or set the clock: timedatectl set-time 'YYYY-MM-DD HH:MM:SS'"

RELEASED = datetime(2026, 1, 1, tzinfo=UTC)
"""This software did not exist before; a clock that shows less is wrong."""
_SLACK_S = 24 * 3600
"""Files may be a little newer than now: time zones of a copied disk, a clock that was just corrected."""


def check(volumes: Volumes, now_s: float | None = None) -> Iterator[Finding]:
    now_s = time.time() if now_s is None else now_s
    now = datetime.fromtimestamp(now_s, UTC)
    shown = f"{now:%Y-%m-%d %H:%M} UTC"
    if now < RELEASED:
        yield Finding(_CHECK, Status.PROBLEM, f"it shows {shown}, before this software was made", _FIX)
        return
    for directory in (volumes.root, volumes.data, volumes.outputs, volumes.state):
        try:
            written = directory.stat().st_mtime
        except OSError:
            continue
        if written > now_s + _SLACK_S:
            later = datetime.fromtimestamp(written, UTC)
            message = f"it shows {shown}, but {directory} was written on {later:%Y-%m-%d}: the clock went back"
            yield Finding(_CHECK, Status.WARNING, message, _FIX)
            return
    yield Finding(_CHECK, Status.OK, shown)
