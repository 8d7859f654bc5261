"""What the log's writer does when its disk fails, is full, or goes."""

from __future__ import annotations

import errno
import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from appliance.storage.logs import LogWriter, read, survey
from appliance.storage.logs.segments import listing
from appliance.storage.logs.writer import RING_BYTES
from tests.clock import Clock
from tests.log_records import messages, noise


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "logs"


@contextmanager
def largest_file(length: int) -> Iterator[None]:
    """The kernel's limit on the length of files: a write beyond it is half done and then fails, as on a full volume."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (length, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_when_the_disk_takes_no_more_records_stay_in_memory_and_are_stored_when_it_does(
    folder: Path, clock: Clock
) -> None:
    writer = LogWriter(folder, clock=clock)
    writer.append("INFO", "p", "before")
    assert writer.flush()
    size = survey(folder).bytes
    writer.append("INFO", "p", noise(1, 500))
    with largest_file(size + 100):
        assert not writer.flush()
        assert "File too large" in writer.problem
        writer.append("ERROR", "p", "meanwhile")
        writer.tick()
        assert not writer.flush()
    assert survey(folder).bytes == size, "what was half written is taken back"
    assert [record.part for record in writer.recent()] == ["p", "p", "logs", "p"]
    writer.tick()
    assert len(list(read(folder))) == 1, "a broken disk is not tried all the time"
    clock.now += 5
    writer.tick()
    assert writer.problem == ""
    assert [record.part for record in read(folder)] == ["p", "p", "logs", "p"]
    writer.flush()
    assert messages(read(folder))[-1] == "records are stored again; 0 were lost"
    assert list(read(folder)) == writer.recent()


@pytest.fixture
def small_volume(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MiB, as `nand/state`."""
    state = tmp_path / "state"
    state.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(state)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system needs root")
    yield state
    subprocess.run(["umount", str(state)], check=True)


def test_a_total_beyond_the_volume_leaves_half_of_it_to_the_others(folder: Path, small_volume: Path) -> None:
    writer = LogWriter(folder, total_bytes=1 << 30)
    for n in range(700):
        writer.append("INFO", "p", noise(n, 7000))
        assert writer.flush(), writer.problem
    writer.close()
    assert 1 << 20 < survey(folder).bytes <= 2 << 20
    (small_volume / "others").write_bytes(bytes(3 << 19))


def test_on_a_full_volume_the_oldest_makes_way_and_the_newest_stays(folder: Path, small_volume: Path) -> None:
    writer = LogWriter(folder)
    for n in range(200):
        writer.append("INFO", "p", noise(n, 7000))
        assert writer.flush(), writer.problem
    before = listing(folder)
    with (small_volume / "others").open("wb", buffering=0) as others, suppress(OSError):
        while True:
            others.write(bytes(4096))
    for n in range(30):
        record = writer.append("INFO", "p", noise(n, 7000))
        assert writer.flush(), writer.problem
    writer.close()
    assert list(read(folder))[-1] == record
    assert survey(folder).missing == 0
    assert listing(folder)[0] in before[1:]


def breaking(number: int, name: str) -> Callable[..., None]:
    def broken(*_arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    broken.__name__ = name
    return broken


@pytest.mark.parametrize(
    ("call", "number"),
    [("pwrite", errno.ENOSPC), ("fdatasync", errno.EIO), ("open", errno.EROFS), ("fstat", errno.EIO)],
)
def test_any_failing_call_is_survived_with_a_simulated_disk(
    folder: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    for n in range(10):
        writer = LogWriter(folder)
        writer.append("INFO", "p", str(n))
        with monkeypatch.context() as broken:
            broken.setattr(os, call, breaking(number, call))
            assert not writer.flush()
        assert os.strerror(number) in writer.problem
        assert writer.flush()
        assert writer.problem == ""
        writer.close()
    found = [record for record in read(folder) if record.part == "p"]
    assert messages(found) == [str(n) for n in range(10)]


def test_a_volume_that_is_not_there_is_survived_and_what_memory_cannot_hold_is_counted(folder: Path) -> None:
    folder.parent.mkdir(parents=True)
    folder.write_text("a file is in the way")
    writer = LogWriter(folder)
    for n in range(400):
        writer.append("INFO", "p", noise(n, 3000))
    assert not writer.flush()
    assert writer.problem
    held = writer.recent()
    assert 0.8 * RING_BYTES < sum(len(record.line()) for record in held) <= RING_BYTES
    folder.unlink()
    assert writer.flush()
    assert list(read(folder)) == held
    lost = 401 - len(held)
    assert writer.recent()[-1].message == f"records are stored again; {lost} were lost"


def test_a_folder_that_is_deleted_while_it_is_used_is_made_again(folder: Path) -> None:
    writer = LogWriter(folder)
    writer.append("INFO", "p", "gone")
    writer.flush()
    shutil.rmtree(folder)
    writer.append("INFO", "p", "kept")
    assert writer.flush()
    assert messages(read(folder)) == ["kept"]
