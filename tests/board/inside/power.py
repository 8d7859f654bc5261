"""Cutting the power of a mounted UBIFS volume by the kernel's own means. Needs root in a guest.

UBI cuts before the so-manieth write of a header, which is exact. UBIFS (`tst_recovery`) cuts in its own nodes, leaving
the write torn, but draws when: half of its draws mean from the next write on, and then each write of a commit is hit
with a chance of up to one in twenty; the others mean within a minute or 10 000 writes. A mount is a new draw. So that
a cut surely comes, the volume is mounted anew where none has come after `DRAW` commits: a draw brings one with a
chance of about a half, `DRAWS` of them in a row bring none with that of one in a thousand million.

After a cut the volume takes no more writes. What stands is what a restart finds: unmount, then attach the chip again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

DRAW: Final = 40
DRAWS: Final = 30
_UBI: Final = Path("/sys/kernel/debug/ubi/ubi0")
_READ_ONLY: Final = Path("/sys/class/ubi/ubi0/ro_mode")
_UBIFS: Final = Path("/sys/kernel/debug/ubifs/ubi0_0")
_EC, _VID = 1, 2
HEADERS: Final = {"erase counter": _EC, "volume identifier": _VID, "either": _EC | _VID}
"""The headers of a PEB: one written after every erase, one before the first data."""


def cut_at_header(which: str, writes: int) -> None:
    """Let the power go at the write of that header after `writes` more of them."""
    (_UBI / "tst_emulate_power_cut_min").write_text(str(writes))
    (_UBI / "tst_emulate_power_cut_max").write_text(str(writes))
    (_UBI / "tst_emulate_power_cut").write_text(str(HEADERS[which]))


def cut_at_node() -> None:
    """Let the power go at one of UBIFS's own writes, if it does before the next unmount."""
    (_UBIFS / "tst_recovery").write_text("1")


def is_cut() -> bool:
    """Whether the power of the volume has gone."""
    return _READ_ONLY.read_text().strip() != "0" or (_UBIFS / "ro_error").read_text().strip() != "0"
