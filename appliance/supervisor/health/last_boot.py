"""How did the last run end?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from appliance.findings import Finding, Status
from appliance.supervisor.boot import Ended, LastRun

_CHECK = "last boot"
_FIXES = {
    Ended.KILLED: "the log tells what went before: `mouthpiece logs`; if nobody did it, memory may be short: `dmesg`",
    Ended.WATCHDOG: "the system hung: look for the last records before it with `mouthpiece logs`",
    Ended.PANIC: "the kernel's last words are in /sys/fs/pstore",
    Ended.CUT: "nothing acknowledged is lost; if nobody pulled the plug, check the power supply",
}


def check(last: LastRun) -> Iterator[Finding]:
    message = str(last.ended)
    if last.started:
        message = f"{last.ended} (it began {datetime.fromtimestamp(last.started, UTC):%Y-%m-%d %H:%M} UTC)"
    fix = _FIXES.get(last.ended, "")
    yield Finding(_CHECK, Status.WARNING if fix else Status.OK, message, fix)
