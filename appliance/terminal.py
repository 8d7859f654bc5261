"""What people see in the terminal while they wait: one line of progress on standard error, and messages."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.pipeline.progress import Progress

_EVERY_S = 0.1
_BAR = 24


def say(text: str) -> None:
    """A message for people, on standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


class ProgressLine:
    """Redraws one line on a terminal; says nothing where standard error is not one, or `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._active = not quiet and sys.stderr.isatty()
        self._drawn_at = 0.0
        self._drawn = False

    def show(self, progress: Progress) -> None:
        now = time.monotonic()
        if not self._active or (now - self._drawn_at < _EVERY_S and progress.done < progress.total):
            return
        self._drawn_at, self._drawn = now, True
        share = min(1.0, progress.done / progress.total) if progress.total else 0.0
        bar = ("━" * round(share * _BAR)).ljust(_BAR, "─")
        left = "" if progress.eta_s is None or share >= 1 else f"  {_minutes(progress.eta_s)} left"
        line = f"{progress.stage:>10} {bar} {share:4.0%}{left}"
        sys.stderr.write("\r" + line[: shutil.get_terminal_size().columns - 1] + "\x1b[K")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the cursor at the start of a clean line."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _minutes(seconds: float) -> str:
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"
