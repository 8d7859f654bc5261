"""The history of wear: kept small, and none the worse for a torn line."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage import atomic, wear_history
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


def test_foreign_lines_are_skipped(tmp_path: Path) -> None:
    file = tmp_path / "wear.log"
    (sample,) = hourly(1)[:1]
    record(file, sample)
    with file.open("ab") as out:
        out.write(b"00000000 [1,2]\nwhat is this\n\xff\xfe\n")
    assert read(file) == [sample]


@pytest.mark.parametrize("wrong_by", [20 * 365 * DAY_S, 3 * EVERY_S, -3 * EVERY_S, -20 * 365 * DAY_S])
def test_a_clock_that_was_wrong_for_some_hours_costs_only_these(tmp_path: Path, wrong_by: float) -> None:
    file = tmp_path / "wear.log"
    samples = hourly(2)
    for sample in samples[:20]:
        record(file, sample)
    for sample in samples[20:25]:
        record(file, Sample(sample.time + wrong_by, sample.counters))
    for now, sample in enumerate(samples[25:], start=25):
        record(file, sample)
        found = read(file, sample.time)
        assert len(found) >= now - 5
        assert found[:15] == samples[:15]
        assert found[-1].time <= sample.time
    assert found[-15:] == samples[-15:]
    assert growth(found, "ubi0.erases")[0] == samples[-1].counters["ubi0.erases"]


def test_a_year_of_hours_stays_small(tmp_path: Path) -> None:
    file = tmp_path / "wear.log"
    samples = hourly(400)
    for sample in samples[::1]:
        record(file, sample)
    assert file.stat().st_size <= 64 * 1024
    kept = read(file)
    assert kept[-48:] == samples[-48:]
    assert growth(kept, "ubi0.erases")[1] > 360


def test_long_lines_leave_room_for_days_before_all_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, counters = tmp_path / "wear.log", {f"a counter with a long name {n}": 123_456_789.0 for n in range(5)}
    rewritten = []
    real = atomic.write_bytes

    def write(path: Path, content: bytes) -> None:
        rewritten.append(content)
        real(path, content)

    monkeypatch.setattr(atomic, "write_bytes", write)
    samples = [Sample(sample.time, counters) for sample in hourly(300)]
    for sample in samples:
        record(file, sample)
    assert len(rewritten) < 300 / 2
    assert all(len(content) <= 48 * 1024 for content in rewritten)
    kept = read(file)
    assert kept[-48:] == samples[-48:]
    assert growth(kept, next(iter(counters)))[1] > 90, "what the forecast goes by"


def test_thinning_keeps_one_sample_a_day_of_the_past_and_all_of_two_days() -> None:
    samples = hourly(10)
    kept = thinned(samples)
    assert len(kept) in range(48 + 8, 48 + 11)
    assert kept == sorted(kept)
    assert len(thinned(hourly(400))) == 365 + 48
    assert thinned(samples[:30]) == samples[:30]
    assert thinned([]) == []


def test_growth_survives_a_counter_that_began_anew() -> None:
    counts = [100, 150, 20, 50]
    samples = [Sample(day * DAY_S, {"a": count}) for day, count in enumerate(counts)]
    assert growth(samples, "a") == (80, 3)
    assert growth(samples, "b") == (0, 0)
    assert growth(samples[:1], "a") == (0, 0)


def test_the_file_lies_on_the_state_volume(tmp_path: Path) -> None:
    from appliance.volumes import Volumes

    assert wear_history.path(Volumes(tmp_path)).parent == Volumes(tmp_path).state
