from __future__ import annotations

import random
from pathlib import Path

import pytest

from appliance.storage.budget import BUCKET_S, DAY_S, Chip, WriteBudget, bytes_per_day
from appliance.storage.cache import SegmentCache
from appliance.storage.cache.admission import NAND_FACTOR
from tests.clock import Clock

MB = 1024 * 1024


def test_the_daily_bytes_wear_the_chip_out_on_the_last_day() -> None:
    chip = Chip(blocks=2048, block_bytes=128 * 1024, cycles=60_000)
    daily = bytes_per_day(chip, days_left=3650)
    erases_of_a_block_a_day = daily / (2048 * 128 * 1024)
    assert erases_of_a_block_a_day * 3650 == pytest.approx(60_000 * 0.8)
    assert bytes_per_day(chip, days_left=3650, mean_erase_counter=24_000) == pytest.approx(daily / 2)
    assert bytes_per_day(chip, days_left=3650, mean_erase_counter=1e9) == 0
    assert bytes_per_day(chip, days_left=-5) == bytes_per_day(chip, days_left=1)


def spend_for(budget: WriteBudget, clock: Clock, days: float, wanted_a_day: float, seed: int = 1) -> float:
    """Offer random items at a rate for some days; what was admitted."""
    source = random.Random(seed)  # noqa: S311
    spent = 0.0
    end = clock.now + days * DAY_S
    while clock.now < end:
        size = source.randrange(20_000, 600_000)
        clock.now += size / wanted_a_day * DAY_S
        if source.random() < budget.probability():
            budget.spend(size)
            spent += size
    return spent


@pytest.mark.parametrize("times", [1.5, 3, 20])
@pytest.mark.parametrize("daily", [100 * MB, 2000 * MB])
def test_every_day_is_within_5_percent_of_the_target_while_it_binds(daily: int, times: float) -> None:
    clock = Clock()
    budget = WriteBudget(daily, clock=clock)
    for day in range(5):
        assert spend_for(budget, clock, 1, daily * times, day) == pytest.approx(daily, rel=0.05)


def test_a_day_that_asks_for_less_than_the_budget_gets_it_all() -> None:
    clock = Clock()
    budget = WriteBudget(1000 * MB, clock=clock)
    assert spend_for(budget, clock, 1, 100 * MB) == pytest.approx(100 * MB, rel=0.05)


def test_the_demand_may_change_from_hour_to_hour() -> None:
    clock = Clock()
    budget = WriteBudget(1000 * MB, clock=clock)
    for _day in range(3):
        spent = sum(
            spend_for(budget, clock, 1 / 24, 1000 * MB * factor, hour) for hour, factor in enumerate((2, 9) * 12)
        )
        assert spent == pytest.approx(1000 * MB, rel=0.05)


def test_idle_hours_are_not_saved_for_later() -> None:
    clock = Clock()
    budget = WriteBudget(1000 * MB, clock=clock)
    clock.now += 30 * DAY_S
    assert spend_for(budget, clock, 1, 5000 * MB) == pytest.approx(1000 * MB, rel=0.05)


def test_what_others_write_is_taken_from_the_budget() -> None:
    clock = Clock()
    start = clock.now
    # The log and the state write 600 MB a day; the counter was not at zero when the box started.
    budget = WriteBudget(1000 * MB, clock=clock, others=lambda: 777 * MB + int((clock.now - start) / DAY_S * 600 * MB))
    for day in range(3):
        assert spend_for(budget, clock, 1, 5000 * MB, day) == pytest.approx(400 * MB, rel=0.11)


def test_others_that_write_more_than_there_is_leave_nothing() -> None:
    clock = Clock()
    start = clock.now
    budget = WriteBudget(100 * MB, clock=clock, others=lambda: int((clock.now - start) / DAY_S * 200 * MB))
    spend_for(budget, clock, 1, 500 * MB)
    assert spend_for(budget, clock, 1, 500 * MB) < 1 * MB


def test_a_counter_of_others_that_starts_anew_counts_from_nothing() -> None:
    written = 50 * MB
    clock = Clock()
    budget = WriteBudget(2400 * MB, clock=clock, others=lambda: written)
    written = 30 * MB
    assert budget.probability() == pytest.approx(0.7)
    assert budget.probability() == pytest.approx(0.7)


def test_a_clock_that_jumps_gives_an_hour_at_most() -> None:
    clock = Clock()
    budget = WriteBudget(2400 * MB, clock=clock)
    budget.spend(200 * MB)
    assert budget.probability() == 0
    clock.now -= 10 * DAY_S
    assert budget.probability() == 0
    clock.now += BUCKET_S / 2
    assert budget.probability() == 0
    clock.now += 1000 * DAY_S
    assert budget.probability() == 1


def test_a_restart_neither_fills_the_bucket_nor_empties_it() -> None:
    clock = Clock()
    budget = WriteBudget(2400 * MB, clock=clock)
    budget.spend(100 * MB)
    saved = budget.snapshot()
    again = WriteBudget(2400 * MB, clock=clock)
    again.restore(saved)
    assert again.probability() == 0
    clock.now += BUCKET_S / 4
    later = WriteBudget(2400 * MB, clock=clock)
    later.restore(saved)
    assert later.probability() == pytest.approx(0.25)


@pytest.mark.parametrize(
    "snapshot", [{}, {"level": "x", "time": 1}, {"level": 1.0}, {"level": float("nan"), "time": 0.0}]
)
def test_a_snapshot_that_makes_no_sense_is_ignored(snapshot: dict[str, object]) -> None:
    budget = WriteBudget(2400 * MB, clock=Clock())
    budget.restore(snapshot)
    assert budget.probability() == 1


def test_no_budget_at_all_admits_nothing() -> None:
    assert WriteBudget(0, clock=Clock()).probability() == 0


def test_the_cache_keeps_to_its_budget_whatever_is_asked_of_it(tmp_path: Path) -> None:
    """All that goes to the disk counts: records, reinserted ones, footers, the state."""
    clock = Clock()
    daily = 4 * MB
    source = random.Random(1)  # noqa: S311
    cache = SegmentCache(tmp_path / "cache", MB, WriteBudget(daily, clock=clock), clock=clock, chance=source.random)
    size = 4000
    written = 0
    for _day in range(2):
        end = clock.now + DAY_S
        while clock.now < end:
            clock.now += size / (daily * 90) * DAY_S
            key = str(int(source.paretovariate(0.3)) % 2000)
            if cache.get(key) is None:
                cache.put(key, bytes(size))
        before, written = written, cache.stats()["file_bytes"]
        assert (written - before) * NAND_FACTOR == pytest.approx(daily, rel=0.05)
    stats = cache.stats()
    assert stats["over_budget"] > 1000
    assert stats["reinserted"] > 100
    assert stats["hits"] > 1000
