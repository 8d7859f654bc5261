"""What a journal says becomes records; a program that writes journal entries stands in for journalctl where none is."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from appliance.supervisor import system_log
from appliance.supervisor.system_log import SystemLog, command, entry_of

Said = list[tuple[str, str, str, float | None]]


def entry(message: Any, **fields: Any) -> dict[str, Any]:
    return {"__CURSOR": "s=1;i=2", "__REALTIME_TIMESTAMP": "1700000000500000", "MESSAGE": message, **fields}


@pytest.mark.parametrize(
    ("priority", "level"),
    [("0", "CRITICAL"), ("2", "CRITICAL"), ("3", "ERROR"), ("4", "WARNING"), ("6", "INFO"), ("7", "DEBUG")],
)
def test_an_entry_becomes_a_record(priority: str, level: str) -> None:
    found = entry_of(entry("usb 1-1: reset", PRIORITY=priority, SYSLOG_IDENTIFIER="kernel"))
    assert found == (level, "kernel: usb 1-1: reset", 1_700_000_000.5)


def test_bytes_that_are_no_text_and_entries_without_a_name_are_told_as_well_as_can_be() -> None:
    assert entry_of(entry([104, 105, 255], _SYSTEMD_UNIT="odd.service"))[1] == "odd.service: hi\ufffd"


def test_it_goes_on_where_it_was_or_begins_with_the_boot() -> None:
    assert "--boot" in command("")
    assert "--after-cursor=s=1;i=2" in command("s=1;i=2")
    assert "--boot" not in command("s=1;i=2")


def followed(tmp_path: Path, lines: list[str], times: int) -> Said:
    """What is logged of a program that writes these lines and ends."""
    said: Said = []
    (tmp_path / "journal").write_text("".join(f"{line}\n" for line in lines))

    def log(level: str, part: str, message: str, fields: dict[str, Any] | None = None, t: float | None = None) -> None:
        assert fields is None
        said.append((level, part, message, t))
        if len(said) == times:
            enough.set()

    async def run() -> None:
        following = asyncio.create_task(SystemLog(log, tmp_path, ["cat", str(tmp_path / "journal")]).follow())
        await asyncio.wait_for(enough.wait(), 30)
        following.cancel()

    enough = asyncio.Event()
    asyncio.run(run())
    return said


def test_others_are_forwarded_the_box_itself_is_not_and_the_place_is_kept(tmp_path: Path) -> None:
    lines = [
        json.dumps(entry("out of paper", PRIORITY="4", SYSLOG_IDENTIFIER="lp", __CURSOR="a")),
        json.dumps(entry("we said that", PRIORITY="4", _SYSTEMD_UNIT=system_log.OWN, __CURSOR="b")),
        "no JSON",
        json.dumps(entry("x" * 2_000_000, PRIORITY="4", __CURSOR="too long")),
        json.dumps(entry("on fire", PRIORITY="2", SYSLOG_IDENTIFIER="lp", __CURSOR="c")),
    ]
    said = followed(tmp_path, lines, 2)
    assert [(level, part, message) for level, part, message, _ in said] == [
        ("WARNING", "system", "lp: out of paper"),
        ("CRITICAL", "system", "lp: on fire"),
    ]
    assert (tmp_path / "journal.cursor").read_text() == "c"


def test_a_journal_that_cannot_be_read_is_complained_of(tmp_path: Path) -> None:
    said = followed(tmp_path, ["No journal files were found."], 1)
    assert said[0][:3] == (
        "WARNING",
        "system",
        "the system's journal cannot be followed: No journal files were found.",
    )
