"""Devices are found by what sysfs says of them, here a tree of files of the same form."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.console.recovery import devices


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number, (name, kind) in enumerate(
        [("u-boot", "nor"), ("config", "nor"), ("NAND simulator partition 0", "nand")]
    ):
        entry = tmp_path / f"sys/class/mtd/mtd{number}"
        entry.mkdir(parents=True)
        (entry / "name").write_text(name + "\n")
        (entry / "type").write_text(kind + "\n")
        entry.with_name(entry.name + "ro").mkdir()
    classes = tmp_path / "sys/class/block"
    classes.mkdir(parents=True)
    for disk, parts in (("mmcblk0", ["boot-a", "data"]), ("sda", ["data"]), ("loop0", [])):
        whole = tmp_path / f"sys/devices/{disk}"
        whole.mkdir(parents=True)
        (whole / "size").write_text("1000\n")
        (whole / "uevent").write_text(f"DEVNAME={disk}\n")
        (classes / disk).symlink_to(whole)
        for number, label in enumerate(parts, 1):
            part = whole / f"{disk}p{number}"
            part.mkdir()
            (part / "partition").write_text(f"{number}\n")
            (part / "size").write_text("100\n")
            (part / "uevent").write_text(f"DEVNAME={part.name}\nPARTNAME={label}\n")
            (classes / part.name).symlink_to(part)
    (tmp_path / "dev").mkdir()
    return tmp_path


def test_flash_partitions_by_name(root: Path) -> None:
    assert devices.mtd("config", root) == root / "dev/mtd1"
    assert devices.mtd("model", root) is None


def test_nand_is_the_partition_of_that_name_or_the_first_chip(root: Path) -> None:
    assert devices.nand(root) == 2
    (root / "sys/class/mtd/mtd1/name").write_text("ubi\n")
    assert devices.nand(root) == 1


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    assert (devices.mtd("config", tmp_path), devices.nand(tmp_path), list(devices.blocks(tmp_path))) == (None, None, [])


def test_a_stick_with_the_same_label_is_not_the_boards_disk(root: Path) -> None:
    assert devices.partition("data", str(root / "dev/mmcblk0"), root) == root / "dev/mmcblk0p2"
    assert devices.partition("data", str(root / "dev/nvme0n1"), root) is None
    assert devices.is_there(str(root / "dev/mmcblk0"), root)
    assert not devices.is_there(str(root / "dev/nvme0n1"), root)


def test_a_disk_that_lost_its_medium_is_not_there(root: Path) -> None:
    (root / "sys/devices/mmcblk0/size").write_text("0\n")
    assert not devices.is_there(str(root / "dev/mmcblk0"), root)


def test_links_are_those_that_udev_makes(root: Path) -> None:
    for _ in range(2):
        devices.link(str(root / "dev/mmcblk0"), root)
    parts = {path.name: path.readlink().name for path in (root / "dev/disk/by-partlabel").iterdir()}
    assert parts == {"boot-a": "mmcblk0p1", "data": "mmcblk0p2"}
    assert (root / "dev/mtd/by-name/config").readlink().name == "mtd1"
