"""No flash here tells its wear, so sysfs is written by hand, in the words of a real kernel."""

from __future__ import annotations

from pathlib import Path

from appliance.findings import Status
from appliance.storage import wear_model
from appliance.supervisor.health import wear
from appliance.volumes import Volumes
from tests import nand_trees


def test_a_machine_without_flash(tmp_path: Path) -> None:
    (found,) = wear.check(Volumes(tmp_path / "box"), tmp_path)
    assert (found.status, found.message) == (Status.OK, "no flash here that tells its wear")


def test_every_simulated_device_has_a_finding(tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path, ro_mode=1)
    nand_trees.emmc(tmp_path, "0x09 0x09")
    nand, emmc = wear.check(Volumes(tmp_path / "box"), tmp_path)
    assert (nand.check, nand.status, emmc.status) == ("wear", Status.PROBLEM, Status.WARNING)
    assert nand.fix
    assert emmc.fix


def test_what_the_board_is_rated_for_counts(tmp_path: Path) -> None:
    nand_trees.ubi(tmp_path, max_ec=wear_model.RATED_CYCLES - 1)
    (found,) = wear.check(Volumes(tmp_path / "box"), tmp_path)
    assert found.status == Status.WARNING
    nand_trees.board(tmp_path, "linux,dummy-virt")
    (found,) = wear.check(Volumes(tmp_path / "box"), tmp_path)
    assert found.status == Status.OK
