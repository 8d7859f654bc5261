"""Is the system that was booted marked good, or still on trial? And was the last update rolled back?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from appliance.findings import Finding, Status
from appliance.update import rauc
from appliance.update.history import ROLLED_BACK, History
from appliance.volumes import Volumes

CHECK = "slot"
MARKS = "Marks the running system as good, so that it is booted from now on."


def check(volumes: Volumes, root: Path = Path("/")) -> Iterator[Finding]:
    """Where the image knows of no slots, RAUC is not asked."""
    if not rauc.is_expected(root):
        yield Finding(CHECK, Status.OK, "this system has no slots")
        return
    system, history = rauc.system(), History(volumes)
    attempt, events = history.undecided(), history.read()
    if attempt is not None and attempt.slot == system.booted:
        message = f"version {attempt.version} has to prove itself; the box goes back if it does not stay healthy"
        yield Finding(CHECK, Status.WARNING, message, "wait, or `mouthpiece update mark-good`")
    elif any(slot.booted and slot.boot_status != "good" for slot in system.slots):
        message = f"{system.booted} is not marked good; after its last boot attempt the other slot is booted"
        yield Finding(CHECK, Status.WARNING, message, "when the box works as it should: `mouthpiece update mark-good`")
    elif events and events[-1]["event"] == ROLLED_BACK:
        message = f"version {events[-1]['version']} was rolled back: {events[-1].get('reason', '')}"
        yield Finding(CHECK, Status.WARNING, message, "install a version that works")
    else:
        yield Finding(CHECK, Status.OK, f"{system.booted} is marked good")
