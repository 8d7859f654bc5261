from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from appliance.storage.logs import LogWriter, Query, read, survey
from appliance.storage.logs.segments import listing
from tests.clock import Clock
from tests.log_records import messages, noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "logs"


def test_a_record_is_in_memory_at_once_and_on_disk_after_a_flush(folder: Path) -> None:
    writer = LogWriter(folder)
    record = writer.append("warning", "render", "hello", t=12.3456, fields={"job": "a"})
    assert (record.t, record.level, record.fields) == (12.346, "WARNING", {"job": "a"})
    assert writer.recent() == [record]
    assert list(read(folder)) == []
    assert writer.flush()
    assert list(read(folder)) == [record]
    assert writer.recent() == [record]


def test_a_flush_with_nothing_new_writes_nothing(folder: Path) -> None:
    writer = LogWriter(folder)
    assert writer.flush()
    assert not folder.exists()
    writer.append("INFO", "p", "x")
    writer.flush()
    size = survey(folder).bytes
    assert writer.flush()
    writer.close()
    assert survey(folder).bytes == size


def test_the_log_is_for_the_owner_alone(folder: Path) -> None:
    writer = LogWriter(folder)
    writer.append("INFO", "p", "x")
    writer.close()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_a_tick_stores_what_has_waited_almost_a_second(folder: Path, clock: Clock) -> None:
    writer = LogWriter(folder, clock=clock)
    writer.append("INFO", "p", "one")
    clock.now += 0.8
    writer.append("INFO", "p", "two")
    writer.tick()
    assert list(read(folder)) == []
    clock.now += 0.2
    writer.tick()
    assert messages(read(folder)) == ["one", "two"]
    assert survey(folder).blocks == 1


def test_a_tick_stores_an_error_at_once_but_not_one_by_one(folder: Path, clock: Clock) -> None:
    writer = LogWriter(folder, clock=clock)
    for n in range(100):
        writer.append("ERROR", "p", str(n))
        writer.tick()
        clock.now += 0.01
    assert 4 <= survey(folder).blocks <= 6
    assert messages(read(folder, limit=1)) == ["0"]
    clock.now += 0.2
    writer.tick()
    assert len(list(read(folder))) == 100


def test_a_tick_stores_64_kib_at_once(folder: Path, clock: Clock) -> None:
    writer = LogWriter(folder, clock=clock)
    for n in range(60):
        writer.append("INFO", "p", noise(n, 512))
        writer.tick()
    assert list(read(folder)) == []
    for n in range(60, 66):
        writer.append("INFO", "p", noise(n, 512))
        writer.tick()
    assert len(list(read(folder))) > 60


def test_ids_increase_strictly_across_restarts_even_when_the_clock_goes_back(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids: list[int] = []
    for run, now in enumerate((2e9, 1e9, 0.0, 3e9, 1e9)):
        monkeypatch.setattr("time.time", lambda now=now: now)
        writer = LogWriter(folder)
        ids += [writer.append("INFO", "p", f"{run}.{n}").id for n in range(5)]
        writer.flush()
        # Given out, perhaps seen by somebody, and never stored: the power goes.
        ids += [writer.append("INFO", "p", "lost").id for _ in range(5)]
    assert ids == sorted(set(ids))
    assert max(ids) < 2**53
    stored = [record.id for record in read(folder)]
    assert len(stored) == 25
    assert stored == sorted(stored)


def test_the_power_may_go_at_any_byte_and_no_stored_record_is_lost(folder: Path, tmp_path: Path) -> None:
    writer = LogWriter(folder)
    ends = []
    for n in range(6):
        for m in range(n + 1):
            writer.append("INFO", "p", f"{n}.{m}")
        writer.flush()
        ends.append(survey(folder).bytes)
    (path,) = listing(folder)
    data = path.read_bytes()
    everything = list(read(folder))
    after_a_cut = tmp_path / "cut"
    after_a_cut.mkdir()
    for cut in range(len(data) + 1):
        # What lies beyond the last whole write may be missing, zeros, or anything.
        tail = (b"", b"\0" * 40, b"MPL1" + b"\xff" * 60)[cut % 3]
        (after_a_cut / path.name).write_bytes(data[:cut] + tail)
        blocks = sum(end <= cut for end in ends)
        kept = everything[: blocks * (blocks + 1) // 2]
        assert list(read(after_a_cut)) == kept
        if cut % 10:
            continue
        again = LogWriter(after_a_cut)
        new = again.append("INFO", "p", "after the cut")
        assert again.flush()
        again.close()
        assert list(read(after_a_cut)) == [*kept, new]
        assert new.id > (kept[-1].id if kept else 0)


def test_a_flush_returns_when_the_disk_holds_the_records(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a file held at its last sync is what a power cut leaves at least."""
    durable: dict[int, bytes] = {}
    real = os.fdatasync

    def sync(descriptor: int) -> None:
        real(descriptor)
        durable[os.fstat(descriptor).st_ino] = Path(f"/proc/self/fd/{descriptor}").read_bytes()

    monkeypatch.setattr(os, "fdatasync", sync)
    writer = LogWriter(folder, total_bytes=1024 * 1024)
    for n in range(30):
        writer.append("INFO", "p", noise(n, 6000))
        assert writer.flush()
        for path in listing(folder):
            assert path.read_bytes() == durable[path.stat().st_ino]
    assert len(listing(folder)) > 1


def test_a_page_that_is_more_than_half_full_is_left_alone(folder: Path) -> None:
    starts = []
    for n in range(12):
        if n % 4 == 0:
            writer = LogWriter(folder)
        size = survey(folder).bytes
        writer.append("INFO", "p", noise(n, 300 * n))
        assert writer.flush()
        (path,) = listing(folder)
        starts.append((size, path.read_bytes().index(b"MPL1", size)))
    assert any(size % 4096 > 2048 for size, _start in starts)
    assert any(0 < size % 4096 <= 2048 for size, _start in starts)
    for size, start in starts:
        assert start == (size if size % 4096 <= 2048 else -(-size // 4096) * 4096)
    assert len(list(read(folder))) == 12


def test_segments_rotate_and_the_total_is_kept_while_the_oldest_goes(folder: Path) -> None:
    total = 1024 * 1024
    writer = LogWriter(folder, total_bytes=total)
    written = []
    for n in range(300):
        written.append(writer.append("INFO", "p", noise(n, 3000)))
        writer.flush()
        if n % 20 == 0:
            assert survey(folder).bytes <= total
    kept = list(read(folder))
    assert kept == written[-len(kept) :]
    assert survey(folder).bytes > total * 0.8
    assert all(path.stat().st_size <= total // 16 for path in listing(folder))
    assert survey(folder).missing == 0


def test_a_new_run_goes_on_in_the_newest_segment(folder: Path) -> None:
    for n in range(20):
        writer = LogWriter(folder)
        writer.append("INFO", "p", str(n))
        writer.close()
    assert len(listing(folder)) == 1
    assert messages(read(folder)) == [str(n) for n in range(20)]
    assert survey(folder).missing == 0


def test_disk_and_memory_read_as_one(folder: Path) -> None:
    first = LogWriter(folder)
    for n in range(10):
        first.append("INFO", "old", str(n))
    first.close()
    writer = LogWriter(folder)
    for n in range(10, 20):
        writer.append("INFO", "new", str(n))
    writer.flush()
    for n in range(20, 25):
        writer.append("INFO", "new", str(n))
    every = [str(n) for n in range(25)]
    assert messages(writer.history(Query())) == every
    assert messages(writer.history(Query(), newest_first=True)) == every[::-1]
    assert messages(writer.history(Query(), limit=22)) == every[:22]
    assert messages(writer.history(Query(), newest_first=True, limit=17)) == every[:7:-1]
    assert messages(writer.history(Query(part="new"))) == every[10:]
    assert messages(writer.recent()) == every[10:]
    some = writer.recent()[3]
    assert messages(writer.recent(after=some.id)) == every[14:]
    assert messages(writer.history(Query(after=some.id))) == every[14:]
    assert messages(writer.recent(level="ERROR")) == []


def test_threads_append_while_one_flushes(folder: Path) -> None:
    writer = LogWriter(folder)

    def work(name: str) -> None:
        for n in range(500):
            writer.append("INFO", name, str(n))

    threads = [threading.Thread(target=work, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        assert writer.flush()
    writer.close()
    found = list(read(folder))
    assert [record.id for record in found] == sorted({record.id for record in found})
    for name in "abc":
        assert messages([record for record in found if record.part == name]) == [str(n) for n in range(500)]


WRITES_UNTIL_KILLED = """
import sys
from pathlib import Path
from appliance.storage.logs import LogWriter
writer = LogWriter(Path(sys.argv[1]), total_bytes=1 << 20)
while True:
    for _ in range(5):
        record = writer.append("INFO", "p", "words " * 20)
    writer.flush()
    print(record.id, flush=True)
"""


def test_kill_9_loses_nothing_that_was_flushed(folder: Path) -> None:
    instants = random.Random(4)  # noqa: S311
    last = 0
    for _ in range(6):
        command = [sys.executable, "-c", WRITES_UNTIL_KILLED, str(folder)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(instants.randrange(1, 60)):
                acknowledged = int(process.stdout.readline())
            process.kill()
            rest = process.stdout.read().split("\n")
        acknowledged = int(rest[-2]) if len(rest) > 1 else acknowledged
        ids = [record.id for record in read(folder)]
        assert ids == sorted(set(ids))
        assert acknowledged in ids
        assert acknowledged > last
        last = acknowledged
    assert survey(folder).missing == 0
