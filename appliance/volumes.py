"""Where data lives: one directory per volume, by the lifetime of what it holds.

On the box `MOUTHPIECE_ROOT` points at the directory under which the volumes are mounted. On a laptop it is
`var/` beside a source checkout, or `mouthpiece/` in the user's data directory for an installed package; the
names below it and the code that uses them are the same.

    nor/config    SPI NOR        settings overrides, identity
    nor/model     SPI NOR        the motion network in eight bits, where a board has room for it
    nand/state    small UBIFS    job database, log blocks
    nand/cache    large UBIFS    anything that can be computed again
    data          eMMC or NVMe   avatars, uploads, outputs, work in progress
    run           memory         sockets, locks, previews; gone after a reboot
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

_CHECKOUT = Path(__file__).resolve().parent.parent


def default_root() -> Path:
    """The root that `mouthpiece` uses when no `--data` is given."""
    if named := os.environ.get("MOUTHPIECE_ROOT"):
        return Path(named)
    if (_CHECKOUT / "pyproject.toml").is_file():
        return _CHECKOUT / "var"
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "mouthpiece"


@dataclass(frozen=True, slots=True)
class Volumes:
    """The volumes below one root. Directories are made by whoever first writes into them."""

    root: Path

    @classmethod
    def default(cls) -> Volumes:
        return cls(default_root())

    @property
    def config(self) -> Path:
        return self.root / "nor" / "config"

    @property
    def model(self) -> Path:
        return self.root / "nor" / "model"

    @property
    def state(self) -> Path:
        return self.root / "nand" / "state"

    @property
    def cache(self) -> Path:
        return self.root / "nand" / "cache"

    @property
    def data(self) -> Path:
        return self.root / "data"

    @property
    def avatars(self) -> Path:
        return self.data / "avatars"

    @property
    def outputs(self) -> Path:
        return self.data / "outputs"

    @property
    def uploads(self) -> Path:
        return self.data / "uploads"

    @property
    def work(self) -> Path:
        """What unfinished jobs have rendered so far, a folder for each."""
        return self.data / "work"

    @property
    def packs(self) -> Path:
        """What was made of pictures and videos that were never enrolled; made again where it is missing."""
        return self.work / "packs"

    @property
    def sheets(self) -> Path:
        """The contact sheets of avatars, drawn again where they are missing. Megabytes on the way to a picture that is
        asked for once are not worth the NAND."""
        return self.work / "sheets"

    @property
    def jobs(self) -> Path:
        """The job database."""
        return self.state / "jobs.sqlite"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def run(self) -> Path:
        """On the box a directory in memory, named by `MOUTHPIECE_RUN`."""
        return Path(os.environ.get("MOUTHPIECE_RUN") or self.root / "run")
