"""Where volumes lie and who writes: this machine's own /proc, and trees written by hand for what it lacks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from appliance.storage import written
from appliance.volumes import Volumes


def test_the_volumes_lie_on_a_file_system_with_room(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    volumes.data.mkdir(parents=True)
    (place,) = written.places(volumes)
    assert (place.volume, place.size > place.free > 0, place.filesystem != "") == ("data", True, True)


def test_this_process_has_written_what_it_wrote() -> None:
    before = written.process_bytes(os.getpid())
    if before is None:
        pytest.skip("this kernel does not count what processes write")
    # Beside the checkout: what lies in memory (tmpfs) is written to no medium.
    with tempfile.TemporaryFile(dir=Path(__file__).parent) as file:
        file.write(b"x" * 1_000_000)
        file.flush()
        os.fsync(file.fileno())
    after = written.process_bytes(os.getpid())
    assert after is not None
    assert after - before >= 1_000_000


def test_a_process_that_is_gone_has_no_count() -> None:
    assert written.process_bytes(2**22 + 1) is None


def test_sectors_are_bytes(tmp_path: Path) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/diskstats").write_text(" 254 0 vda 1 2 3 4 5 6 2000 8 0 0 0 0 0 0 0 0 0\n what is this\n")
    assert written.disk_bytes(tmp_path) == {"vda": 1_024_000}
    assert written.disk_bytes(tmp_path / "nothing") == {}


@pytest.mark.parametrize("source", ["ubi0:state", "ubi0_1", "/dev/ubi0_1", "ubi:state"])
def test_a_volume_on_a_simulated_ubifs_is_on_the_ubi_device(tmp_path: Path, source: str) -> None:
    volumes = Volumes(tmp_path / "box")
    volumes.state.mkdir(parents=True)
    number = volumes.state.stat().st_dev
    (tmp_path / "proc/self").mkdir(parents=True)
    line = f"36 35 {os.major(number)}:{os.minor(number)} / /state rw,noatime - ubifs {source} rw\n"
    (tmp_path / "proc/self/mountinfo").write_text(line)
    (place,) = written.places(volumes, tmp_path)
    assert (place.volume, place.filesystem, place.device) == ("state", "ubifs", "ubi0")


def test_a_simulated_partition_belongs_to_its_disk(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path / "box")
    volumes.data.mkdir(parents=True)
    number = volumes.data.stat().st_dev
    partition = tmp_path / "sys/devices/mmcblk0/mmcblk0p3"
    partition.mkdir(parents=True)
    (partition / "partition").write_text("3\n")
    links = tmp_path / "sys/dev/block"
    links.mkdir(parents=True)
    (links / f"{os.major(number)}:{os.minor(number)}").symlink_to(partition)
    (place,) = written.places(volumes, tmp_path)
    assert place.device == "mmcblk0"
