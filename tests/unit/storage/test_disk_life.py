"""eMMC by sysfs files written by hand, NVMe by a log page put together here: there is neither on a test machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.storage import disk_life
from tests import nand_trees


@pytest.mark.parametrize(
    ("life_time", "low", "high"),
    [
        ("0x01 0x01", 0, 10),
        ("0x02 0x05", 40, 50),
        ("0x0a 0x01", 90, 100),
        ("0x0b 0x0b", 100, 100),
        ("0x00 0x00", None, None),
    ],
)
def test_steps_of_a_simulated_emmc(tmp_path: Path, life_time: str, low: int | None, high: int | None) -> None:
    nand_trees.emmc(tmp_path, life_time)
    (disk,) = disk_life.disks(tmp_path)
    assert (disk.name, disk.kind, disk.used_low, disk.used_high, disk.reserve_used) == ("mmcblk0", "eMMC", low, high, 0)


def test_reserve_of_a_simulated_emmc(tmp_path: Path) -> None:
    nand_trees.emmc(tmp_path, "0x01 0x01", "0x03")
    assert disk_life.disks(tmp_path)[0].reserve_used == 90


def test_a_simulated_card_that_tells_nonsense_is_left_out(tmp_path: Path) -> None:
    nand_trees.emmc(tmp_path, "nothing")
    assert disk_life.disks(tmp_path) == []


def test_the_smart_log_of_a_simulated_nvme() -> None:
    log = bytearray(512)
    log[3], log[4], log[5] = 97, 10, 42
    log[48:64] = (1000).to_bytes(16, "little")
    log[128:144] = (8760).to_bytes(16, "little")
    disk = disk_life.smart("nvme0", bytes(log))
    assert (disk.used_low, disk.used_high, disk.reserve_used, disk.hours) == (42, 43, 3, 8760)
    assert disk.written_bytes == 512_000_000


def test_a_simulated_nvme_that_does_not_know_its_reserve() -> None:
    assert disk_life.smart("nvme0", bytes(512)).reserve_used is None


def test_what_is_called_an_nvme_and_is_none_tells_nothing(tmp_path: Path) -> None:
    (tmp_path / "sys/class/nvme/nvme0").mkdir(parents=True)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvme0").write_bytes(b"a file")
    assert disk_life.disks(tmp_path) == []
