"""The forecast: the design's formula, what it is based on, and an interval that holds what it promises."""

from __future__ import annotations

import itertools
import random
import statistics
from pathlib import Path

import pytest

from appliance.storage import boards, wear_model
from appliance.storage.budget import LEVELLING, Chip
from tests import nand_trees

CHIP = Chip(blocks=1000, block_bytes=131072, cycles=60_000)
LIFE = CHIP.blocks * CHIP.cycles * LEVELLING
"""Erases in the whole life of the chip."""


def test_the_daily_budget_wears_a_new_chip_out_in_ten_years() -> None:
    budget = wear_model.daily_budget(CHIP)
    assert budget * 365 * 10 == pytest.approx(1000 * 131072 * 60_000 * LEVELLING)


def test_what_was_used_up_early_leaves_less_a_day() -> None:
    fair = wear_model.daily_budget(CHIP, mean_erases=CHIP.cycles * LEVELLING / 2, years_in_use=5)
    assert fair == pytest.approx(wear_model.daily_budget(CHIP))
    assert wear_model.daily_budget(CHIP, mean_erases=40_000, years_in_use=5) < fair
    assert wear_model.daily_budget(CHIP, mean_erases=CHIP.cycles) == 0


def test_without_history_the_nominal_load_is_believed() -> None:
    found = wear_model.forecast(CHIP, mean_erases=0, erased=0, days=0)
    assert (found.basis, found.days) == ("nominal", 0)
    assert found.years == pytest.approx(10)
    assert found.low is not None
    assert found.low < 3
    assert found.high is not None
    assert found.high > 30


def test_the_first_seconds_say_nothing() -> None:
    found = wear_model.forecast(CHIP, mean_erases=0, erased=0, days=3e-6)
    assert found.basis == "nominal"
    assert found.years == pytest.approx(10, rel=0.02)


def test_a_long_history_decides() -> None:
    rate = LIFE / (4 * 365)
    found = wear_model.forecast(CHIP, mean_erases=0, erased=rate * 90, days=90)
    assert found.basis == "history"
    assert found.years == pytest.approx(4, rel=0.1)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 4 < found.high < 2.5 * found.low * 1.5


def test_the_interval_narrows_with_every_day_of_history() -> None:
    rate = wear_model.nominal_erases(CHIP)
    spans = []
    for days in (0, 0.1, 1, 3, 10, 30, 90):
        found = wear_model.forecast(CHIP, mean_erases=0, erased=rate * days, days=days)
        assert found.high is not None
        assert found.low is not None
        spans.append(found.high / found.low)
    assert all(before > after for before, after in itertools.pairwise(spans))
    assert spans[-1] > 1.9  # next year may be another one, however long one looked


def test_a_chip_that_is_used_up_has_no_years_left() -> None:
    found = wear_model.forecast(CHIP, mean_erases=CHIP.cycles, erased=100, days=10)
    assert (found.years, found.low, found.high) == (0, 0, 0)


def test_a_flash_that_nobody_writes_lasts_but_not_for_ever() -> None:
    found = wear_model.forecast(CHIP, mean_erases=0, erased=0, days=90)
    assert found.high == wear_model.LONGEST_YEARS
    assert found.years is not None
    assert found.years > 20


@pytest.mark.parametrize("days", [2, 7, 30, 90])
def test_nine_of_ten_boxes_die_within_their_interval(days: int) -> None:
    """A thousand boxes whose mean load, days and coming years vary as the model assumes."""
    dice = random.Random(days)  # noqa: S311
    held = 0
    for _ in range(1000):
        mean = wear_model.nominal_erases(CHIP) * dice.lognormvariate(0, 1)
        loads = [mean * dice.lognormvariate(-0.5, 1) for _ in range(days)]
        future = mean * dice.lognormvariate(0, 0.2)
        truth = LIFE / future / 365
        found = wear_model.forecast(CHIP, mean_erases=0, erased=sum(loads), days=days)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= truth <= found.high or found.high == wear_model.LONGEST_YEARS < truth
    assert 0.86 <= held / 1000 <= 0.97


def test_the_best_estimate_is_right_on_average() -> None:
    dice = random.Random(5)  # noqa: S311
    rate = wear_model.nominal_erases(CHIP)
    ratios = []
    for _ in range(300):
        erased = sum(rate * dice.lognormvariate(-0.5, 1) for _ in range(60))
        years = wear_model.forecast(CHIP, mean_erases=0, erased=erased, days=60).years
        assert years is not None
        ratios.append(years / 10)
    assert statistics.median(ratios) == pytest.approx(1, abs=0.1)


def test_a_disk_that_says_ten_to_twenty_percent_after_two_years() -> None:
    found = wear_model.by_share((10, 20), days=730)
    assert found.low == pytest.approx(2 * 80 / 20)
    assert found.high == pytest.approx(2 * 90 / 10)
    assert found.years is not None
    assert found.low is not None
    assert found.low < found.years < 18


def test_a_disk_in_the_same_step_as_before_has_no_known_end() -> None:
    found = wear_model.by_share((10, 20), before=(10, 20), days=100)
    assert (found.years, found.high) == (None, None)
    assert found.low == pytest.approx(100 / 365 * 80 / 10)


def test_nothing_is_said_of_a_disk_that_was_watched_for_hours() -> None:
    assert wear_model.by_share((10, 20), days=0.5).basis == "unknown"


def test_a_disk_whose_life_is_used_up() -> None:
    found = wear_model.by_share((100, 101), days=100, basis="power-on")
    assert (found.low, found.high) == (0, 0)


@pytest.mark.parametrize("compatible", boards.RATED_CYCLES)
def test_a_board_is_known_by_its_device_tree(tmp_path: Path, compatible: str) -> None:
    nand_trees.board(tmp_path, "radxa,some-carrier-board", compatible, "rockchip,rk3588")
    assert wear_model.rated_cycles(tmp_path) == boards.RATED_CYCLES[compatible]


def test_an_unknown_board_and_a_machine_without_device_tree_are_taken_for_the_least(tmp_path: Path) -> None:
    assert wear_model.rated_cycles(tmp_path) == wear_model.RATED_CYCLES
    nand_trees.board(tmp_path, "acme,board", "acme,soc")
    assert wear_model.rated_cycles(tmp_path) == wear_model.RATED_CYCLES
    assert min(boards.RATED_CYCLES.values()) >= wear_model.RATED_CYCLES
