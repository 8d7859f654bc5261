"""The history of wear: kept small, and none the worse for a torn line."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage import wear_history
from appliance.storage.wear_history import DAY_S, EVERY_S, Sample, growth, read, record, thinned


def hourly(days: float, start: float = 1_700_000_000) -> list[Sample]:
    return [Sample(start + hour * EVERY_S, {"ubi0.erases": hour * 10.0}) for hour in range(int(days * 24))]


def test_what_is_recorded_is_read(tmp_path: Path) -> None:
    for sample in hourly(0.5):
        record(tmp_path / "wear.log", sample)
    assert read(tmp_path / "wear.log") == hourly(0.5)
    assert read(tmp_path / "nothing") == []


@pytest.mark.parametrize("torn", [1, 20])
def test_a_torn_line_is_skipped_and_the_next_one_kept(tmp_path: Path, torn: int) -> None:
    file = tmp_path / "wear.log"
    first, second, third = hourly(1)[:3]
    record(file, first)
    record(file, second)
    file.write_bytes(file.read_bytes()[:-torn])
    record(file, third)
    assert read(file) in ([first, third], [first, second, third])
    assert third in read(file)
    if torn == 20:
        assert second not in read(file)


def test_foreign_lines_and_times_that_go_back_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "wear.log"
    first, second = hourly(1)[:2]
    record(file, second)
    record(file, first)
    with file.open("ab") as out:
        out.write(b"00000000 [1,2]\nwhat is this\n\xff\xfe\n")
    assert read(file) == [second]


def test_a_year_of_hours_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "wear.log"
    samples = hourly(400)
    for sample in samples[::1]:
        record(file, sample)
    assert file.stat().st_size <= 64 * 1024
    kept = read(file)
    assert kept[-48:] == samples[-48:]
    assert growth(kept, "ubi0.erases")[1] > 360


def test_thinning_keeps_one_sample_a_day_of_the_past_and_all_of_two_days() -> None:
    samples = hourly(10)
    kept = thinned(samples, samples[-1].time)
    assert len(kept) in range(48 + 8, 48 + 11)
    assert kept == sorted(kept)
    old = samples[-1].time + 400 * DAY_S
    assert thinned(samples, old) == []


def test_growth_survives_a_counter_that_began_anew() -> None:
    counts = [100, 150, 20, 50]
    samples = [Sample(day * DAY_S, {"a": count}) for day, count in enumerate(counts)]
    assert growth(samples, "a") == (80, 3)
    assert growth(samples, "b") == (0, 0)
    assert growth(samples[:1], "a") == (0, 0)


def test_the_file_lies_on_the_state_volume(tmp_path: Path) -> None:
    from appliance.volumes import Volumes

    assert wear_history.path(Volumes(tmp_path)).parent == Volumes(tmp_path).state
