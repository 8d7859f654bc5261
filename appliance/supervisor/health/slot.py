"""Is the slot that the system was booted from marked good?

RAUC puts `rauc.slot=NAME` on the kernel's command line; without it the system has no slots. A slot that is not marked
good is left for the other one once its boot attempts are used up.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from appliance.errors import UnhealthyError
from appliance.findings import Finding, Status
from appliance.supervisor.health.fixup import Fixup

_CHECK = "slot"
_DEADLINE_S = 4.0


def check(root: Path = Path("/")) -> Iterator[Finding]:
    words = (root / "proc/cmdline").read_text().split()
    booted = next((word.removeprefix("rauc.slot=") for word in words if word.startswith("rauc.slot=")), None)
    if booted is None:
        yield Finding(_CHECK, Status.OK, "this system has no slots")
        return
    status = json.loads(_rauc("status", "--output-format=json"))
    slots = [slot for named in status["slots"] for slot in named.values()]
    own = next((slot for slot in slots if booted in (slot.get("bootname"), slot.get("device"))), None)
    if own is not None and own.get("boot_status") == "good":
        yield Finding(_CHECK, Status.OK, f"{booted} is marked good")
    else:
        message = f"{booted} is not marked good; after its last boot attempt the other slot is booted"
        yield Finding(_CHECK, Status.WARNING, message, "when the box works as it should: `mouthpiece update mark-good`")


def fixup() -> Fixup:
    def mark() -> str:
        _rauc("status", "mark-good", "booted")
        return "the slot was marked good"

    return Fixup(_CHECK, "Marks the running system as good, so that it is booted from now on.", mark)


def _rauc(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603
            ["rauc", *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
            timeout=_DEADLINE_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnhealthyError(f"rauc does not answer: {error}", hint="look at `systemctl status rauc`") from error
    if done.returncode != 0:
        raise UnhealthyError(f"rauc: {done.stderr.strip()}", hint="look at `systemctl status rauc`")
    return done.stdout
