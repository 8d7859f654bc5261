"""What the rest of the system says, kept in the box's log as the part "system".

On the box the journal lives in memory, for it would wear out the flash; what an operator will want to know after a
power cut is forwarded from there: warnings and worse of everybody, and every word of the units in `UNITS`. The box's
own unit is left out, for what the journal has from it is this log.

`journalctl` follows the journal. How far it was read is kept in `run/`, which lives exactly as long as the journal
does: after a restart of the supervisor nothing is missed and nothing comes twice. Where the journal cannot be read,
that is logged once, and tried again now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

from appliance.supervisor.allowance import Allowance, Log

PART: Final = "system"
UNITS: Final = ("rauc.service", "systemd-timesyncd.service")
"""Who installs the system, and who sets the clock."""
OWN: Final = "mouthpiece.service"
_LEVELS: Final = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARNING", "INFO", "INFO", "DEBUG")
"""By syslog's priority."""
_WARNING: Final = 4
_LINE_BYTES: Final = 1 << 20
_AGAIN_S: Final = 60.0
_ASK: Final = (
    "journalctl",
    "--follow",
    "--output=json",
    "--output-fields=MESSAGE,PRIORITY,SYSLOG_IDENTIFIER,_SYSTEMD_UNIT",
)


def command(cursor: str) -> list[str]:
    """Follow the journal after `cursor`, or from the boot on."""
    # Of one field any value will do; "+" is or.
    matches = [f"PRIORITY={priority}" for priority in range(_WARNING + 1)]
    for unit in UNITS:
        matches += ["+", f"_SYSTEMD_UNIT={unit}"]
    return [*_ASK, f"--after-cursor={cursor}" if cursor else "--boot", *([] if cursor else ["--lines=all"]), *matches]


class SystemLog:
    def __init__(self, log: Log, run: Path, ask: Sequence[str] | None = None) -> None:
        """`ask` stands in for `command`, in tests."""
        self._say = Allowance(log, PART).say
        self._cursor = run / "journal.cursor"
        self._ask = ask

    async def follow(self) -> None:
        """For ever."""
        complained = False
        while True:
            why = await self._follow_once()
            if not complained:
                self._say("WARNING", PART, f"the system's journal cannot be followed: {why}")
                complained = True
            await asyncio.sleep(_AGAIN_S)

    async def _follow_once(self) -> str:
        """Until `journalctl` ends; its last words."""
        try:
            asked = await asyncio.create_subprocess_exec(
                *(self._ask or command(self._read_so_far())),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                limit=_LINE_BYTES,
            )
        except OSError as error:
            return str(error.strerror)
        try:
            return await self._hear(cast(asyncio.StreamReader, asked.stdout))
        finally:
            with contextlib.suppress(ProcessLookupError):
                asked.kill()
            await asked.wait()

    async def _hear(self, lines: asyncio.StreamReader) -> str:
        last = b"journalctl ended"
        while True:
            try:
                line = await lines.readline()
            except ValueError:  # longer than a line may be
                continue
            if not line:
                return last.decode(errors="replace").strip()
            if not self._take(line):
                last = line

    def _read_so_far(self) -> str:
        try:
            return self._cursor.read_text()
        except OSError:
            return ""

    def _take(self, line: bytes) -> bool:
        """False for what is no entry: journalctl's own words."""
        try:
            entry = json.loads(line)
            level, message, t = entry_of(entry)
        except (ValueError, LookupError, TypeError):
            return False
        if entry.get("_SYSTEMD_UNIT") != OWN:
            self._say(level, PART, message, None, t)
        with contextlib.suppress(OSError):  # memory is full; then something comes twice
            self._cursor.write_text(str(entry["__CURSOR"]))
        return True


def entry_of(entry: Mapping[str, Any]) -> tuple[str, str, float]:
    """(level, message, unix seconds) of a journal entry as JSON; the message names who said it."""
    said = entry["MESSAGE"]
    # What is not text comes as a list of bytes.
    text = bytes(said).decode(errors="replace") if isinstance(said, list) else str(said)
    who = entry.get("SYSLOG_IDENTIFIER") or entry.get("_SYSTEMD_UNIT") or "?"
    return _LEVELS[int(entry.get("PRIORITY", 6))], f"{who}: {text}", int(entry["__REALTIME_TIMESTAMP"]) / 1e6
