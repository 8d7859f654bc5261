"""RAUC itself reads every board's `system.conf`."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.tools.boards.conftest import ROOT

FILES = sorted((ROOT / "boot/generated").glob("*/system.conf"))


def refusal(file: Path) -> str:
    """What RAUC says of a configuration; asked for a bundle that is not there, it reads the configuration first."""
    command = ["rauc", f"--conf={file}", "info", "/nonexistent.raucb"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


@pytest.mark.skipif(shutil.which("rauc") is None, reason="the package rauc is missing")
@pytest.mark.parametrize("file", FILES, ids=[file.parent.name for file in FILES])
def test_rauc_takes_it(file: Path, tmp_path: Path) -> None:
    assert "Failed to initialize" not in refusal(file)
    assert "No such file: /nonexistent.raucb" in refusal(file)
    wrong = tmp_path / "system.conf"
    wrong.write_text(file.read_text().replace("bundle-formats=", "bundle-format="))
    assert "bundle-format" in refusal(wrong)


@pytest.mark.parametrize("file", FILES, ids=[file.parent.name for file in FILES])
def test_both_slots_have_a_boot_name_and_what_belongs_to_them(file: Path) -> None:
    found = configparser.ConfigParser()
    found.read_string(file.read_text())
    roots = [name for name in found.sections() if name.startswith("slot.rootfs.")]
    assert [found[name]["bootname"] for name in roots] == ["A", "B"]
    for name in found.sections():
        if name.startswith("slot.boot."):
            assert found[name]["parent"] == f"rootfs.{name[-1]}"


def test_recovery_on_the_disk_comes_with_updates_and_is_no_slot_that_boots() -> None:
    for file in FILES:
        found = configparser.ConfigParser()
        found.read_string(file.read_text())
        has = "slot.recovery.0" in found
        assert has == (found["system"]["bootloader"] == "uboot")
        assert not has or "bootname" not in found["slot.recovery.0"]


def test_attempts_are_counted_by_u_boot_alone() -> None:
    """RAUC refuses nothing here, but counts only where its boot loader does."""
    for file in FILES:
        text = file.read_text()
        assert ("boot-attempts=3" in text) == ("bootloader=uboot" in text)
        assert ("bootloader-custom-backend=" in text) == ("bootloader=custom" in text)
