"""What happened to the box's software, one JSON object a line, only ever appended: `nand/state/updates.jsonl`.

    {"t": unix seconds, "boot": the kernel's boot id, "event": EVENT, "version", "slot", ...}

    begun         RAUC was asked to write `version` to `slot`; "from" is what ran, "problems" the checks that complained
    installed     RAUC has done so; the next boot tries it
    failed        it has not: "reason"
    confirmed     `slot` has proved itself
    rolled back   `slot` was given up: "reason"
    recovered     the recovery system wrote `version` to `slot`. It is not on trial: there may be no other to go back to

Each line is durable before anything follows from it. A line that a power cut tore is left out when the file is read.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.errors import UnhealthyError
from appliance.storage import atomic
from appliance.volumes import Volumes

BEGUN: Final = "begun"
INSTALLED: Final = "installed"
FAILED: Final = "failed"
CONFIRMED: Final = "confirmed"
ROLLED_BACK: Final = "rolled back"
RECOVERED: Final = "recovered"
_ALWAYS: Final = {"t", "boot", "event", "version", "slot"}
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    return _BOOT_ID.read_text().strip()


@dataclass(frozen=True, slots=True)
class Attempt:
    """An update that was begun and is not decided yet."""

    version: str
    slot: str
    boot: str
    problems: frozenset[str]
    installed: bool


class History:
    def __init__(self, volumes: Volumes) -> None:
        self._file = volumes.state / "updates.jsonl"

    def read(self) -> list[dict[str, Any]]:
        """Every event, the oldest first."""
        try:
            lines = self._file.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _unusable(self._file, error) from error
        events = []
        for line in lines:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict) and event.keys() >= _ALWAYS:
                events.append(event)
        return events

    def add(self, event: str, version: str, slot: str, **more: Any) -> None:
        """Write down what happened; durable when this returns."""
        line = {"t": round(time.time(), 3), "boot": boot_id(), "event": event, "version": version, "slot": slot, **more}
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("a+b") as file:
                if os.geteuid() == 0:  # recovery, or an operator; the box that goes on with it is neither
                    owner = self._file.parent.stat()
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.seek(0, os.SEEK_END)
                torn = b""
                if file.tell():
                    file.seek(-1, os.SEEK_END)
                    torn = b"" if file.read(1) == b"\n" else b"\n"
                file.write(torn + json.dumps(line, ensure_ascii=False).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            atomic.fsync_directory(self._file.parent)
        except OSError as error:
            raise _unusable(self._file, error) from error

    def note(self, event: str, version: str, slot: str, **more: Any) -> None:
        """The same for what has happened already: a volume that cannot be written must not make it happen again."""
        with contextlib.suppress(UnhealthyError):  # the check of the volumes says so
            self.add(event, version, slot, **more)

    def undecided(self) -> Attempt | None:
        """The last update, unless it failed, was confirmed or was rolled back, or recovery wrote another since."""
        attempt: Mapping[str, Any] | None = None
        installed = False
        for event in self.read():
            if event["event"] == BEGUN:
                attempt, installed = event, False
            elif event["event"] == INSTALLED:
                installed = True
            else:
                attempt = None
        if attempt is None:
            return None
        problems = frozenset(map(str, attempt.get("problems", ())))
        return Attempt(str(attempt["version"]), str(attempt["slot"]), str(attempt["boot"]), problems, installed)


def _unusable(path: Path, error: OSError) -> UnhealthyError:
    return UnhealthyError(f"{path} cannot be used: {error.strerror or error}", hint="see `mouthpiece doctor`")
