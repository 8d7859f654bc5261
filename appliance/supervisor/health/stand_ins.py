"""Is every volume where it belongs?

A box without its NAND or its data disk starts all the same, with something else in their place. What mounts the volumes
(rootfs-overlay/usr/lib/mouthpiece/volumes) writes down what it had to do without, a word a line; elsewhere than on a
box nobody does, and all is well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from appliance.findings import Finding, Status

REPORT: Final = Path("/run/mouthpiece-volumes")
_CHECK: Final = "volumes"
_LOOK: Final = "power off, and look at the part and how it is connected; `dmesg` says what the kernel found"


def check(report: Path = REPORT) -> Iterator[Finding]:
    try:
        words = report.read_text().split()
    except FileNotFoundError:
        return
    if "no-data" in words:
        message = "the data disk is missing: what is stored now is lost when the power goes"
        yield Finding(_CHECK, Status.PROBLEM, message, _LOOK)
    if "no-nand" in words:
        yield Finding(_CHECK, Status.WARNING, "there is no NAND: jobs, log and cache lie on the data disk", _LOOK)
    if "dead-nand" in words:
        message = "the NAND does not answer: jobs, log and cache lie on the data disk"
        yield Finding(_CHECK, Status.PROBLEM, message, _LOOK)
    for name in ("state", "cache"):
        if f"no-{name}" in words:
            message = f"nand/{name} cannot be mounted: the data disk stands in for it"
            yield Finding(_CHECK, Status.PROBLEM, message, "repair it from recovery, which says what that would lose")
