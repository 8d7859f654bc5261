"""How the last run ended: a marker in the state volume, written when a run starts and when it ends.

    boot.json   {"boot_id": ..., "started": unix seconds, "version": ..., "ended": null | "CLEAN" | "POWER_FAIL"}

A marker without an end was left by a run that was cut off: by a power cut, a crash of the kernel or the watchdog if the
kernel has another boot id since, else because somebody killed the supervisor. Two small writes a run.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from appliance.storage import atomic

NAME: Final = "boot.json"
_WDIOF_CARDRESET: Final = 0x20


class Ended(StrEnum):
    FIRST = "this is the first run on these volumes"
    CLEAN = "stopped in order"
    POWER_FAIL = "power failed, and everything was saved in time"
    KILLED = "the supervisor was killed"
    WATCHDOG = "the hardware watchdog reset the board"
    PANIC = "the kernel crashed"
    CUT = "power was cut, or the machine was reset"


@dataclass(frozen=True, slots=True)
class LastRun:
    ended: Ended
    started: float | None = None


class BootMarker:
    """`begin` says how the last run ended and marks this one as running; `end` marks its end. `OSError` from both."""

    def __init__(self, folder: Path, system: Path = Path("/")) -> None:
        self._path = folder / NAME
        self._system = system

    def begin(self, version: str) -> LastRun:
        last = self._last()
        marker = {"boot_id": self._boot_id(), "started": round(time.time(), 1), "version": version, "ended": None}
        atomic.write_bytes(self._path, json.dumps(marker).encode())
        return last

    def end(self, how: Ended) -> None:
        """Only `CLEAN` and `POWER_FAIL` are ends that a run sees itself."""
        marker = json.loads(self._path.read_bytes())
        atomic.write_bytes(self._path, json.dumps(marker | {"ended": how.name}).encode())

    def _last(self) -> LastRun:
        try:
            marker = json.loads(self._path.read_bytes())
            started, ended, boot_id = float(marker["started"]), marker["ended"], marker["boot_id"]
        except FileNotFoundError:
            return LastRun(Ended.FIRST)
        except (OSError, ValueError, KeyError, TypeError):
            return LastRun(Ended.CUT)
        if ended in (Ended.CLEAN.name, Ended.POWER_FAIL.name):
            return LastRun(Ended[ended], started)
        if boot_id == self._boot_id():
            return LastRun(Ended.KILLED, started)
        return LastRun(self._reset(), started)

    def _boot_id(self) -> str:
        return (self._system / "proc/sys/kernel/random/boot_id").read_text().strip()

    def _reset(self) -> Ended:
        for status in (self._system / "sys/class/watchdog").glob("watchdog*/bootstatus"):
            try:
                if int(status.read_text()) & _WDIOF_CARDRESET:
                    return Ended.WATCHDOG
            except (OSError, ValueError):
                continue
        if any((self._system / "sys/fs/pstore").glob("dmesg-*")):
            return Ended.PANIC
        return Ended.CUT
