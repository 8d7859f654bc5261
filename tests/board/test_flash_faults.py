"""Log, job database and cache on flash that breaks: bit flips, writes that fail, blocks that go bad until none is left,
a chip that answers nothing, and volumes that are full of somebody else's files.

nandsim, UBI's own error injection and `kept_flash` break it for real. Whatever happens, the cache raises nothing and
serves nothing that was not put (`inside/stores.py`), and once the flash works again, nothing acknowledged is lost.
"""

from __future__ import annotations

import shutil
import signal
from typing import Any

import pytest

from tests.board import kept_flash
from tests.board.guest import Guest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(kept_flash.missing()), reason=kept_flash.missing() or "-"),
]

ALL_WORK = {"logs": True, "jobs": True, "cache": True}


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("faults")
    guest = Guest(folder / "guest")
    shutil.copy(kept_flash.module(folder / "module"), guest.out)
    return guest.run_inside("flash_faults", timeout_s=1200).facts()


@pytest.mark.parametrize("fault", ["bit_flips", "write_errors"])
def test_what_ubi_can_mend_nobody_notices(facts: dict[str, Any], fault: str) -> None:
    assert facts[fault] == {"steps": ALL_WORK, "again": ALL_WORK}


def test_blocks_go_bad_unnoticed_until_the_reserve_is_used_up(facts: dict[str, Any]) -> None:
    told = facts["worn_out"]
    assert told["while blocks go bad"] == ALL_WORK
    assert told["reserve"] > 0
    assert told["bad"][1] == told["bad"][0] + told["reserve"]


def test_a_chip_that_became_read_only_is_said_everywhere(facts: dict[str, Any]) -> None:
    told = facts["worn_out"]
    assert told["steps"] == {"logs": False, "jobs": False, "cache": False}
    assert "/mnt/box/nand/state is mounted read-only" in told["problems"]
    assert "/mnt/box/nand/cache is mounted read-only" in told["problems"]
    assert "ubi0 has become read-only" in told["problems"]
    assert told["found"] > 0, "what was cached is still served"
    stored, problem, kept = told["log"]
    assert (stored, problem) == (False, "/mnt/box/nand/state/logs: Read-only file system")
    assert "never stored" in kept


def test_the_queue_of_a_read_only_chip_is_still_shown(facts: dict[str, Any]) -> None:
    told = facts["worn_out"]
    assert told["list"] == 0
    assert told["submit"]["code"] == 3
    assert "its volume has become read-only" in told["submit"]["err"]


def test_the_worker_comes_back_on_a_read_only_chip_and_says_what_is_wrong(facts: dict[str, Any]) -> None:
    told = facts["worn_out"]
    assert "its volume has become read-only" in told["worker"]["trouble"]
    assert set(told["worker"]["deaths"]) <= {-signal.SIGBUS}
    assert len(told["worker"]["deaths"]) <= 2
    assert told["worker ends"] == 0


def test_a_chip_that_answers_nothing_is_missed_and_nothing_more(facts: dict[str, Any]) -> None:
    told = facts["vanished"]
    assert told["steps"] == {"logs": False, "jobs": False, "cache": False}
    assert "/mnt/box/nand/state is mounted read-only" in told["problems"]
    assert told["listed"] in ([0, False], [3, False])
    assert told["again"] == ALL_WORK


def test_a_full_volume_refuses_and_works_again_once_there_is_room(facts: dict[str, Any]) -> None:
    told = facts["full"]
    assert (told["log"], told["log has room"]) == (False, True)
    assert told["queue"]["code"] == 3
    assert "No space left on device" in told["queue"]["err"]
    assert any("0 MiB free at /mnt/box/nand" in problem for problem in told["problems"]), told["problems"]
    assert told["cached"] == 0
    assert told["room"] == told["again"] == ALL_WORK
    assert told["still cached"] > 0
