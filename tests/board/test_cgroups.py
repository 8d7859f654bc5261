"""Control groups of a real kernel, on a disk of its own: the settings reach them, and they hold processes back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.board.guest import Guest, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

PREPARE = """
modprobe ext4
mkfs.ext4 -q /dev/vda
mount /dev/vda /mnt
mkdir /mnt/box
"""
MB = 1_000_000


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    guest = Guest(tmp_path_factory.mktemp("limits"), disks=[64 << 20])
    return guest.run_inside("limits", before=PREPARE, timeout_s=400).facts()


def test_the_settings_are_the_limits_of_the_workers_group_alone(facts: dict[str, Any]) -> None:
    on_disk, disk = facts["disk"]
    assert on_disk == disk
    assert facts["worker"] == {
        "memory.high": str(40 * MB // 4096 * 4096),
        "cpu.weight": "50",
        "io.max": f"{disk} rbps=2000000 wbps=1000000 riops=max wiops=max",
    }
    assert facts["console"] == {"memory.high": "max", "cpu.weight": "400", "io.max": ""}
    assert facts["complaints"] == []


@pytest.mark.parametrize(("strain", "limit"), [("write", 1.0 * MB), ("read", 2.0 * MB)])
def test_the_disk_is_slow_for_the_worker_and_not_for_the_console(
    facts: dict[str, Any], strain: str, limit: float
) -> None:
    rates = facts[strain]
    assert rates["worker"] < 1.2 * limit
    assert rates["console"] > 3 * rates["worker"]


def test_a_busy_processor_is_shared_by_weight(facts: dict[str, Any]) -> None:
    shares = facts["spin"]
    assert 4 < shares["console"] / shares["worker"] < 16, "the weights are 400 and 50"


def test_a_worker_that_wants_too_much_memory_is_held_back_and_lives(facts: dict[str, Any]) -> None:
    memory = facts["memory"]
    assert 0.9 * 40 * MB < memory["current"] < 1.25 * 40 * MB
    assert memory["alive"]
    assert not memory["killed"]


def test_limits_can_be_taken_away_while_the_box_runs(facts: dict[str, Any]) -> None:
    assert facts["limits taken away"] == {"memory.high": "max", "cpu.weight": "100", "io.max": ""}


def test_no_child_leaves_its_group_behind(facts: dict[str, Any]) -> None:
    assert facts["groups left"] == ["supervisor"], "the program that asks is in it"
