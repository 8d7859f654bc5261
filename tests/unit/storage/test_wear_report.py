"""The state "storage": made of simulated devices, since no test machine has a NAND or an eMMC."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.storage import erase_counts, wear_report
from appliance.storage.wear_history import DAY_S, Sample
from appliance.volumes import Volumes
from tests import nand_trees


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    found = Volumes(tmp_path / "box")
    found.state.mkdir(parents=True)
    found.data.mkdir(parents=True)
    return found


def reported(volumes: Volumes, root: Path, before: dict[int, dict[str, float]] | None = None) -> dict[str, Any]:
    """The report of a look; `before` are counters so many days ago."""
    seen = wear_report.look(volumes, root)
    past = [Sample(seen.time - days * DAY_S, counters) for days, counters in (before or {}).items()]
    return wear_report.report(seen, [*past, Sample(seen.time, wear_report.counters(seen, {"worker": 5000}))])


def test_a_machine_without_flash_tells_what_it_knows(volumes: Volumes, tmp_path: Path) -> None:
    value = reported(volumes, tmp_path)
    assert (value["nand"], value["disks"]) == ([], [])
    assert [place["volume"] for place in value["places"]] == ["state", "data"]
    assert [line["message"] for line in value["advice"]] == ["no flash here that tells its wear"]
    assert json.loads(json.dumps(value))["advice"][0]["status"] == "ok"


def test_a_simulated_nand_with_a_history(volumes: Volumes, tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path, [100 + number % 10 for number in range(1000)] + [None] * 24)
    value = reported(volumes, tmp_path, {30: {"ubi0.erases": 14_500, "by:worker": 2000}, 3: {"by:worker": 2000}})
    (nand,) = value["nand"]
    assert value["days"] == pytest.approx(30)
    assert nand["mean_erases"] == 104.5
    assert nand["bytes_per_day"] == pytest.approx(3000 * 131072, rel=0.01)
    assert nand["forecast"]["basis"] == "history"
    assert nand["forecast"]["years"] == pytest.approx(1000 * (48000 - 104.5) / 3000 / 365, rel=0.2)
    assert sum(blocks for _, _, blocks in nand["histogram"]) == 1000
    assert nand["map"]["blocks_per_cell"] == 2
    assert len(nand["map"]["cells"]) == 512
    assert nand["map"]["bad"] == list(range(500, 512))
    assert [mean for _, mean in nand["curve"]] == [14.5, 104.5]
    assert value["writers"] == [{"name": "worker", "bytes": 3000, "bytes_per_day": pytest.approx(1000)}]
    assert json.loads(json.dumps(value))["nand"][0]["volumes"][0]["name"] == "state"


def test_a_simulated_nand_without_debugfs_counts_on_its_most_worn_block(volumes: Volumes, tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path, max_ec=24_000)
    (nand,) = reported(volumes, tmp_path)["nand"]
    assert (nand["mean_erases"], nand["map"], nand["histogram"]) == (None, None, [])
    assert nand["used_percent"] == 50
    assert nand["forecast"]["years"] == pytest.approx(5, rel=0.01)


@pytest.mark.parametrize(
    ("values", "status", "words"),
    [
        ({}, "ok", "about 10 years are left"),
        ({"max_ec": 48_000}, "warning", "nearly worn out"),
        ({"max_ec": 60_000}, "problem", "is worn out"),
        ({"reserved_for_bad": 3}, "warning", "3 bad blocks and only 3 left"),
        ({"ro_mode": 1}, "problem", "read-only"),
        ({"ecc_failures": 2}, "warning", "could not be read 2 times"),
    ],
)
def test_advice_on_a_simulated_nand(
    volumes: Volumes, tmp_path: Path, values: dict[str, int], status: str, words: str
) -> None:
    nand_trees.ubi(tmp_path, (), **values)
    (line,) = reported(volumes, tmp_path)["advice"]
    assert line["status"] == status
    assert words in line["message"]
    assert bool(line["fix"]) == (status != "ok")


@pytest.mark.parametrize(("a_day", "words"), [(200_000, "wears out early"), (35_000, "times as much as its budget")])
def test_advice_on_a_simulated_nand_that_is_written_too_much(
    volumes: Volumes, tmp_path: Path, a_day: int, words: str
) -> None:
    nand_trees.ubi(tmp_path, [1000] * 1000)
    (line,) = reported(volumes, tmp_path, {20: {"ubi0.erases": 1_000_000 - 20 * a_day}})["advice"]
    assert (line["status"], words in line["message"]) == ("warning", True)
    assert "who writes most" in line["fix"]


@pytest.mark.parametrize(
    ("life_time", "pre_eol", "status", "words"),
    [
        ("0x01 0x02", "0x01", "ok", "10 to 20 %"),
        ("0x00 0x00", "0x01", "ok", "does not tell"),
        ("0x09 0x01", "0x01", "warning", "80 to 90 %"),
        ("0x0b 0x01", "0x01", "problem", "used up"),
        ("0x02 0x02", "0x02", "warning", "80 % of its reserve"),
    ],
)
def test_advice_on_a_simulated_emmc(
    volumes: Volumes, tmp_path: Path, life_time: str, pre_eol: str, status: str, words: str
) -> None:
    nand_trees.emmc(tmp_path, life_time, pre_eol)
    (line,) = reported(volumes, tmp_path)["advice"]
    assert (line["status"], words in line["message"]) == (status, True)


def test_a_simulated_emmc_whose_step_changed_has_a_forecast(volumes: Volumes, tmp_path: Path) -> None:
    nand_trees.emmc(tmp_path, "0x03 0x01")
    before: dict[int, dict[str, float]] = {80: {"mmcblk0.low": 0, "mmcblk0.high": 10}}
    (disk,) = reported(volumes, tmp_path, before)["disks"]
    assert disk["forecast"]["low"] == pytest.approx(80 / 365 * 70 / 30, rel=0.01)
    assert disk["forecast"]["high"] == pytest.approx(80 / 365 * 80 / 10, rel=0.01)


def test_a_histogram_has_all_blocks_in_few_bins() -> None:
    counters = [(number, number * 7) for number in range(1000)]
    bins = erase_counts.histogram(counters)
    assert len(bins) <= erase_counts.BINS
    assert sum(blocks for _, _, blocks in bins) == 1000
    assert bins[0][0] == 0
    assert bins[-1][0] <= 999 * 7 <= bins[-1][1]
    assert erase_counts.histogram([]) == []
    assert erase_counts.histogram([(0, 5), (1, 5)]) == [(5, 5, 2)]


def test_a_map_shows_every_block_of_a_small_chip() -> None:
    shown = erase_counts.wear_map([(0, 3), (2, 9)], 3)
    assert shown == {"blocks_per_cell": 1, "cells": [3, None, 9], "bad": [1]}


def test_cells_of_a_large_chip_show_the_most_worn_block_and_that_one_is_bad() -> None:
    shown = erase_counts.wear_map([(number, number) for number in range(1025) if number != 4], 1025)
    assert shown["blocks_per_cell"] == 3
    assert shown["cells"][:2] == [2, 5]
    assert shown["cells"][-1] == 1024
    assert shown["bad"] == [1]
