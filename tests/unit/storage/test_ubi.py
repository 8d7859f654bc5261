"""No NAND here, so sysfs and debugfs are written by hand; tests/board asks a real kernel."""

from __future__ import annotations

from pathlib import Path

from appliance.storage import ubi
from tests import nand_trees


def test_a_machine_without_ubi_has_no_devices(tmp_path: Path) -> None:
    assert ubi.devices(tmp_path) == []


def test_a_simulated_nand_tells_its_wear(tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path, [10, 12, None, 14])
    (device,) = ubi.devices(tmp_path)
    assert (device.name, device.mtd, device.blocks, device.block_bytes, device.page_bytes) == (
        "ubi0",
        "nand",
        3,
        131072,
        2048,
    )
    assert device.counters == ((0, 10), (1, 12), (3, 14))
    assert (device.max_erases, device.mean_erases, device.erases) == (14, 12, 36)
    assert (device.bad_blocks, device.reserve, device.corrected_bits, device.unreadable) == (1, 37, 7, 0)
    assert not device.read_only
    assert device.volumes == (ubi.UbiVolume("state", 40, False),)


def test_a_simulated_nand_that_became_read_only(tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path, ro_mode=1)
    assert ubi.devices(tmp_path)[0].read_only


def test_without_debugfs_a_simulated_nand_tells_only_its_most_worn_block(tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path)
    (device,) = ubi.devices(tmp_path)
    assert (device.max_erases, device.mean_erases, device.erases) == (12, None, None)


def test_files_that_an_older_kernel_lacks_or_that_hold_nonsense_leave_their_values_out(tmp_path: Path) -> None:
    folder = tmp_path / "sys/class/ubi/ubi0"
    nand_trees.write(folder, {"max_ec": "soon", "bad_peb_count": ""})
    (folder / "mtd_num").write_bytes(b"\xff\xfe")
    (device,) = ubi.devices(tmp_path)
    assert (device.max_erases, device.bad_blocks, device.reserve, device.unreadable) == (0, 0, None, None)


def test_simulated_devices_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2):
        nand_trees.write(tmp_path / f"sys/class/ubi/ubi{number}", {"max_ec": number})
    assert [device.name for device in ubi.devices(tmp_path)] == ["ubi2", "ubi10"]
