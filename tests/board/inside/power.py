"""Cutting the power of the box's flash by the kernel's own means, so that the cut surely comes.

UBI cuts before the so-manieth write of a header, which is exact. UBIFS (`tst_recovery`) cuts in its own nodes, leaving
the write torn, but draws when: half of its draws mean from the next write on, and then each write of a commit is hit
with a chance of up to one in twenty; the others mean within a minute or 10 000 writes. A mount is a new draw: where
none has come after `DRAW` commits, mount again. A draw brings a cut with a chance of about a half, so that `DRAWS` of
them in a row bring none with that of one in a thousand million.

After a cut the volumes take no more writes. What stands is what a restart finds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.board.inside.box_flash import CACHE, STATE, Volume

DRAW: Final = 20
DRAWS: Final = 40
_UBI: Final = Path("/sys/kernel/debug/ubi/ubi0")
_UBIFS: Final = Path("/sys/kernel/debug/ubifs")
_READ_ONLY: Final = Path("/sys/class/ubi/ubi0/ro_mode")
HEADERS: Final = {"erase counter": 1, "volume identifier": 2}
"""The headers of a PEB: one is written after every erase, one before the first data."""


def cut_at_header(which: str, writes: int) -> None:
    """Let the power go at the write of that header after `writes` more of them, from 1 on."""
    (_UBI / "tst_emulate_power_cut_min").write_text(str(writes))
    (_UBI / "tst_emulate_power_cut_max").write_text(str(writes))
    (_UBI / "tst_emulate_power_cut").write_text(str(HEADERS[which]))


def cut_at_node(volume: Volume) -> None:
    """Let the power of a volume go at one of UBIFS's own writes, if it does before the next unmount."""
    (_UBIFS / f"ubi0_{volume.number}" / "tst_recovery").write_text("1")


def is_cut() -> bool:
    """Whether the power has gone."""
    errors = (_UBIFS / f"ubi0_{volume.number}" / "ro_error" for volume in (STATE, CACHE))
    return any(path.read_text().strip() != "0" for path in (_READ_ONLY, *errors))
