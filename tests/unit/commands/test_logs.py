from __future__ import annotations

import json
import os
import socket
from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from appliance.commands.logs import logs, moment
from appliance.control import SOCKET, short_path
from appliance.errors import InputError
from appliance.storage.logs import LogWriter
from appliance.volumes import Volumes

NOW = datetime(2026, 7, 1, 15, 30).timestamp()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", NOW - 90),
        ("30m", NOW - 1800),
        ("1.5h", NOW - 5400),
        ("2d", NOW - 172_800),
        ("14:05", datetime(2026, 7, 1, 14, 5).timestamp()),
        ("9:05", datetime(2026, 7, 1, 9, 5).timestamp()),
        ("14:05:30", datetime(2026, 7, 1, 14, 5, 30).timestamp()),
        ("2026-01-31", datetime(2026, 1, 31).timestamp()),
        ("2026-01-31T14:30", datetime(2026, 1, 31, 14, 30).timestamp()),
        ("2026-01-31 14:30", datetime(2026, 1, 31, 14, 30).timestamp()),
        ("2026-01-31T14:30:00+00:00", 1_769_869_800.0),
    ],
)
def test_what_people_mean_by_a_time(text: str, expected: float) -> None:
    assert moment(text, NOW) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "5", "25:00", "2026-13-01", "-3h"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InputError, match="--since"):
        moment(text, NOW)


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    """A box that does not run, and what it said."""
    volumes = Volumes(tmp_path)
    volumes.logs.mkdir(parents=True)
    writer = LogWriter(volumes.logs)
    writer.append("INFO", "worker", "starts", t=NOW)
    writer.append("ERROR", "worker.encoder", "fails", t=NOW + 60, fields={"code": 5})
    writer.append("WARNING", "console", "wonders", t=NOW + 120)
    writer.close()
    return volumes


def shown(volumes: Volumes, *arguments: str) -> Result:
    return CliRunner().invoke(logs, arguments, obj=volumes, catch_exceptions=False)


def test_a_box_that_does_not_run_still_tells(volumes: Volumes) -> None:
    said = shown(volumes).stdout.splitlines()
    assert said[1] == "2026-07-01 15:31:00.000  ERROR     worker.encoder  fails"
    assert [line.split()[-1] for line in said] == ["starts", "fails", "wonders"]


@pytest.mark.parametrize(
    ("arguments", "messages"),
    [
        (["--level", "warning"], ["fails", "wonders"]),
        (["--part", "worker"], ["starts", "fails"]),
        (["--since", "2026-07-01T15:31"], ["fails", "wonders"]),
        (["--limit", "1"], ["wonders"]),
        (["-n", "2", "--part", "worker"], ["starts", "fails"]),
        (["--since", "2030-01-01"], []),
    ],
)
def test_records_are_chosen(volumes: Volumes, arguments: list[str], messages: list[str]) -> None:
    said = [json.loads(line) for line in shown(volumes, "--json", *arguments).stdout.splitlines()]
    assert [record["message"] for record in said] == messages


@pytest.mark.parametrize("limit", [[], ["--limit", "1"]])
def test_a_log_of_another_user_is_refused_in_words(volumes: Volumes, limit: list[str]) -> None:
    me = os.geteuid()
    for folder in (volumes.root, *volumes.root.parents[:2]):
        folder.chmod(0o755)
    volumes.logs.chmod(0)
    if me == 0:
        os.seteuid(65534)  # root may read everything; nobody may not
    try:
        with pytest.raises(InputError, match="logs may not be read by this user"):
            shown(volumes, *limit)
    finally:
        os.seteuid(me)
        volumes.logs.chmod(0o755)


def test_a_record_for_scripts_is_whole(volumes: Volumes) -> None:
    record = json.loads(shown(volumes, "--json", "--level", "ERROR").stdout)
    assert record.pop("id") > 0
    assert record == {
        "t": NOW + 60,
        "level": "ERROR",
        "part": "worker.encoder",
        "message": "fails",
        "fields": {"code": 5},
    }


@pytest.mark.parametrize("arguments", [[], ["--limit", "2"], ["--follow"]])
def test_of_a_box_that_does_not_answer_the_disk_tells(
    volumes: Volumes, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    monkeypatch.setattr("appliance.commands.logs._SILENCE_S", 0.01)
    monkeypatch.setattr("time.sleep", interrupt)  # --follow goes on until then
    volumes.run.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as silent:
        with short_path(volumes.run / SOCKET) as path:
            silent.bind(path)
        silent.listen()
        done = CliRunner().invoke(logs, arguments, obj=volumes)
    assert not isinstance(done.exception, TimeoutError)
    said = [line.split()[-1] for line in done.stdout.splitlines()]
    assert said == (["fails", "wonders"] if "--limit" in arguments else ["starts", "fails", "wonders"])
    assert done.stderr.startswith("warning: the box runs and does not answer")


def interrupt(_seconds: float) -> None:
    raise KeyboardInterrupt


def test_a_box_that_never_said_anything(tmp_path: Path) -> None:
    assert shown(Volumes(tmp_path)).stdout == ""


def test_wrong_usage_is_told_by_click(volumes: Volumes) -> None:
    assert CliRunner().invoke(logs, ["--level", "LOUD"], obj=volumes).exit_code == 2
    assert CliRunner().invoke(logs, ["--limit", "0"], obj=volumes).exit_code == 2
