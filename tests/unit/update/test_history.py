"""The history of updates: only appended, readable after any crash."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from appliance.update.history import BEGUN, CONFIRMED, FAILED, INSTALLED, RECOVERED, ROLLED_BACK, History, boot_id
from appliance.volumes import Volumes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return Volumes(tmp_path).state / "updates.jsonl"


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(Volumes(tmp_path))


def test_events_come_back_in_order(history: History) -> None:
    assert history.read() == []
    history.add(BEGUN, "1.1.0", "rootfs.1", problems=["wear"])
    history.add(FAILED, "1.1.0", "rootfs.1", reason="签名不对")
    first, second = history.read()
    assert (first["event"], first["version"], first["slot"], first["problems"]) == (
        BEGUN,
        "1.1.0",
        "rootfs.1",
        ["wear"],
    )
    assert second["reason"] == "签名不对"
    assert first["boot"] == boot_id()
    assert first["t"] <= second["t"]


def test_every_torn_last_line_is_left_out_and_costs_no_other(history: History, file: Path) -> None:
    history.add(BEGUN, "1.1.0", "rootfs.1")
    before = len(file.read_bytes())
    history.add(INSTALLED, "1.1.0", "rootfs.1")
    whole = file.read_bytes()
    for length in range(before, len(whole) - 1):
        file.write_bytes(whole[:length])
        assert [event["event"] for event in history.read()] == [BEGUN]
        history.add(FAILED, "1.1.0", "rootfs.1")
        assert [event["event"] for event in history.read()] == [BEGUN, FAILED]


@pytest.mark.parametrize("rubbish", [b"\0" * 500, b"\xff\xfe\n", b"[]\n", b"3\n", b'{"event": "begun"}\n'])
def test_rubbish_is_left_out(history: History, file: Path, rubbish: bytes) -> None:
    file.parent.mkdir(parents=True)
    file.write_bytes(rubbish)
    history.add(CONFIRMED, "1.0.0", "rootfs.0")
    assert [event["event"] for event in history.read()] == [CONFIRMED]


def test_what_is_undecided(history: History) -> None:
    assert history.undecided() is None
    history.add(BEGUN, "1.1.0", "rootfs.1", problems=["wear"])
    begun = history.undecided()
    assert begun is not None
    assert (begun.version, begun.slot, begun.problems, begun.installed) == (
        "1.1.0",
        "rootfs.1",
        frozenset({"wear"}),
        False,
    )
    history.add(INSTALLED, "1.1.0", "rootfs.1")
    installed = history.undecided()
    assert installed is not None
    assert installed.installed
    for decision in (CONFIRMED, FAILED, ROLLED_BACK, RECOVERED):
        history.add(BEGUN, "1.2.0", "rootfs.0")
        assert history.undecided() is not None
        history.add(decision, "1.2.0", "rootfs.0")
        assert history.undecided() is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root writes for others")
def test_what_root_writes_belongs_to_whom_the_volume_does(history: History, file: Path) -> None:
    file.parent.mkdir(parents=True)
    os.chown(file.parent, 1234, 2345)
    history.add(RECOVERED, "1.1.0", "rootfs.0")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 2345)


def test_a_state_volume_that_cannot_be_used_is_said(history: History, file: Path) -> None:
    file.mkdir(parents=True)
    with pytest.raises(UnhealthyError, match=r"updates\.jsonl cannot be used"):
        history.add(BEGUN, "1.1.0", "rootfs.1")
    with pytest.raises(UnhealthyError, match=r"updates\.jsonl cannot be used"):
        history.read()
