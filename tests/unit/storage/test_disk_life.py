"""eMMC by sysfs files written by hand, NVMe by a log page put together here: there is neither on a test machine."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path

import pytest

from appliance.findings import Status
from appliance.storage import disk_life
from appliance.supervisor.health import wear
from appliance.volumes import Volumes
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


REFUSED = PermissionError(errno.EPERM, os.strerror(errno.EPERM))
"""In the service's sandbox: from the control group, which opens no such device, and else from the kernel."""
SILENT = OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
WORN_42 = bytes(5) + bytes([42]) + bytes(506)


@pytest.fixture
def controllers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes | OSError]:
    """What each simulated controller answers, by name."""
    found: dict[str, bytes | OSError] = {}

    def answer(device: Path) -> bytes:
        said = found[device.name]
        if isinstance(said, OSError):
            raise said
        return said

    monkeypatch.setattr(disk_life, "_smart_log", answer)
    for name in ("nvme0", "nvme1"):
        (tmp_path / "sys/class/nvme" / name).mkdir(parents=True)
        found[name] = SILENT
    (tmp_path / disk_life.READING).parent.mkdir(parents=True)
    return found


def test_a_simulated_nvme_that_may_not_be_asked_is_unknown_and_not_well(
    tmp_path: Path, controllers: dict[str, bytes | OSError]
) -> None:
    controllers["nvme0"] = REFUSED
    (disk,) = disk_life.disks(tmp_path)
    assert (disk.name, disk.used_low, disk.used_high, disk.refused) == ("nvme0", None, None, True)
    (finding,) = wear.check(Volumes(tmp_path / "box"), tmp_path)
    assert (finding.status, finding.message) == (Status.WARNING, "nvme0 (NVMe) does not tell its wear")
    assert "as root" in finding.fix


def test_what_a_simulated_nvme_told_root_is_known_to_the_box(
    tmp_path: Path, controllers: dict[str, bytes | OSError]
) -> None:
    controllers["nvme0"] = WORN_42
    disk_life.leave_reading(tmp_path)
    (told,) = disk_life.disks(tmp_path)
    controllers |= {"nvme0": REFUSED, "nvme1": REFUSED}
    assert disk_life.disks(tmp_path) == [told], "root was told nothing by the other one, which it does not list either"
    (finding,) = wear.check(Volumes(tmp_path / "box"), tmp_path)
    assert (finding.status, finding.message) == (Status.OK, "nvme0 (NVMe) has used 42 to 43 % of its life")


def test_a_simulated_nvme_that_refused_root_too_or_came_later_is_unknown(
    tmp_path: Path, controllers: dict[str, bytes | OSError]
) -> None:
    controllers |= {"nvme0": REFUSED, "nvme1": WORN_42}
    disk_life.leave_reading(tmp_path)
    (tmp_path / "sys/class/nvme/nvme2").mkdir()
    controllers |= {"nvme1": REFUSED, "nvme2": REFUSED}
    assert [disk.refused for disk in disk_life.disks(tmp_path)] == [True, False, True]


def test_whom_a_simulated_nvme_answers_needs_no_reading(
    tmp_path: Path, controllers: dict[str, bytes | OSError]
) -> None:
    controllers["nvme0"] = WORN_42
    disk_life.leave_reading(tmp_path)
    controllers |= {"nvme0": bytes(512), "nvme1": REFUSED}
    assert [disk.used_low for disk in disk_life.disks(tmp_path)] == [0]


@pytest.mark.parametrize(("age_s", "counts"), [(0, True), (86_000, True), (87_000, False), (-1000, False)])
def test_a_reading_of_a_simulated_nvme_counts_for_a_day_of_the_same_run(
    tmp_path: Path, controllers: dict[str, bytes | OSError], age_s: float, counts: bool
) -> None:
    controllers["nvme0"] = WORN_42
    disk_life.leave_reading(tmp_path)
    file = tmp_path / disk_life.READING
    left = json.loads(file.read_text())
    file.write_text(json.dumps(left | {"asked": left["asked"] - age_s}))
    controllers["nvme0"] = REFUSED
    (disk,) = disk_life.disks(tmp_path)
    assert disk.refused is not counts


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "7", "{}", '{"asked": "today", "nvmes": {}}', '{"asked": NaN, "nvmes": {}}'),
        *('{"asked": ASKED, "nvmes": []}', '{"asked": ASKED, "nvmes": {"nvme0": {"foreign": 1}}}'),
        *('{"asked": ASKED, "nvmes": {"nvme0": 7}}', "\udcff"),
    ],
)
def test_a_reading_that_is_none_leaves_a_simulated_nvme_unknown(
    tmp_path: Path, controllers: dict[str, bytes | OSError], content: str
) -> None:
    now = str(time.clock_gettime(time.CLOCK_BOOTTIME))
    (tmp_path / disk_life.READING).write_text(content.replace("ASKED", now), errors="surrogateescape")
    controllers["nvme0"] = REFUSED
    (disk,) = disk_life.disks(tmp_path)
    assert disk.refused
