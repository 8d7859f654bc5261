from __future__ import annotations

import random
from pathlib import Path

import pytest

from appliance.storage.logs import LogWriter, Record, Survey, read, survey
from appliance.storage.logs.segments import listing


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


@pytest.fixture
def stored(folder: Path) -> list[Record]:
    """Sixty records in blocks of ten, by three runs of the box, a second apart, from t = 1000."""
    records: list[Record] = []
    for run in range(3):
        writer = LogWriter(folder)
        for n in range(20):
            level = ("DEBUG", "INFO", "WARNING", "ERROR")[n % 4]
            t = 1000.0 + len(records)
            records.append(writer.append(level, ("jobs", "jobs.worker", "console")[n % 3], f"{run}/{n}", t=t))
            if n % 10 == 9:
                assert writer.flush()
        writer.close()
    return records


def test_everything_is_read_in_order_both_ways(folder: Path, stored: list[Record]) -> None:
    assert list(read(folder)) == stored
    assert list(read(folder, newest_first=True)) == stored[::-1]


def test_by_time_level_part_and_id(folder: Path, stored: list[Record]) -> None:
    assert list(read(folder, since=1005, until=1031)) == stored[5:31]
    assert {record.level for record in read(folder, level="warning")} == {"WARNING", "ERROR"}
    assert len(list(read(folder, level="warning"))) == 30
    assert [record.part for record in read(folder, part="console")] == ["console"] * 18
    assert {record.part for record in read(folder, part="jobs")} == {"jobs", "jobs.worker"}
    for index in (0, 9, 10, 33, 58, 59):
        assert list(read(folder, after=stored[index].id)) == stored[index + 1 :]
        assert list(read(folder, after=stored[index].id, newest_first=True)) == stored[index + 1 :][::-1]
    assert list(read(folder, after=0)) == stored


def test_a_limit_takes_the_first_of_what_matches(folder: Path, stored: list[Record]) -> None:
    assert list(read(folder, limit=7)) == stored[:7]
    assert list(read(folder, limit=7, newest_first=True)) == stored[:-8:-1]
    assert list(read(folder, level="ERROR", limit=2, newest_first=True)) == [stored[59], stored[55]]
    assert list(read(folder, limit=0)) == []


def test_no_folder_no_records(tmp_path: Path) -> None:
    assert list(read(tmp_path / "none")) == []
    assert survey(tmp_path / "none") == Survey(0, 0, 0, 0)


def test_other_files_in_the_folder_are_not_read(folder: Path, stored: list[Record]) -> None:
    (folder / "notes.txt").write_text("x")
    (folder / "12.log").write_text("x")
    (folder / ".tmp-1").write_text("x")
    assert list(read(folder)) == stored


def test_a_damaged_block_is_left_out_and_counted(folder: Path, stored: list[Record]) -> None:
    (path,) = listing(folder)
    data = bytearray(path.read_bytes())
    assert survey(folder) == Survey(1, len(data), 6, 0)
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = list(read(folder))
    assert len(found) == 50
    assert [record for record in stored if record in found] == found
    assert survey(folder).missing == 1


def test_a_block_that_was_written_twice_is_read_once(folder: Path, stored: list[Record]) -> None:
    (path,) = listing(folder)
    data = path.read_bytes()
    path.write_bytes(data + data)
    assert list(read(folder)) == stored
    assert list(read(folder, newest_first=True)) == stored[::-1]


def test_a_segment_that_goes_while_reading_is_left_out(folder: Path) -> None:
    writer = LogWriter(folder, total_bytes=1024 * 1024)
    noise = random.Random(1)  # noqa: S311
    records: list[Record] = []
    while len(listing(folder)) < 3:
        records.append(writer.append("INFO", "p", noise.randbytes(7000).hex()))
        writer.flush()
    reading = read(folder)
    assert next(reading) == records[0]
    middle = listing(folder)[1]
    middle.unlink()
    rest = list(reading)
    assert rest[-1] == records[-1]
    assert 0 < len(rest) < len(records) - 1


def test_reading_while_the_writer_writes_sees_each_record_once(folder: Path) -> None:
    writer = LogWriter(folder)
    seen: list[Record] = []
    written = []
    for n in range(50):
        written.append(writer.append("INFO", "p", str(n)))
        if n % 3 == 0:
            writer.flush()
        seen += read(folder, after=seen[-1].id if seen else None)
        assert seen == written[: n - n % 3 + 1]
