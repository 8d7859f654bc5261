"""A capsule on a Jetson's EFI system partition. No Jetson is here: partition and firmware's variables are folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.bundle_hook import capsule

IMAGE = bytes.fromhex("edd5cb6d2de8444cbda17194199ad92a") + b"firmware"


@pytest.fixture
def variables(tmp_path: Path) -> Path:
    folder = tmp_path / "efivars"
    folder.mkdir()
    (folder / "BootOrder-8be4df61-93ca-11d2-aa0d-00e098032b8c").write_bytes(b"\7\0\0\0\1\0")
    return folder


def test_it_lies_where_the_firmware_looks_and_the_firmware_is_told_with_simulated_efivars(
    tmp_path: Path, variables: Path
) -> None:
    folder = tmp_path / "esp/EFI/UpdateCapsule"
    folder.mkdir(parents=True)
    (folder / ".tmp-left").write_bytes(IMAGE)
    capsule.stage(IMAGE, tmp_path / "esp", variables)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"TEGRA_BL.Cap": IMAGE}
    assert (variables / capsule.OS_INDICATIONS).read_bytes() == b"\7\0\0\0\4\0\0\0\0\0\0\0"


def test_what_the_firmware_was_told_already_stays_with_simulated_efivars(tmp_path: Path, variables: Path) -> None:
    (variables / capsule.OS_INDICATIONS).write_bytes(b"\7\0\0\0\1\0\0\0\0\0\0\x80")
    capsule.stage(IMAGE, tmp_path, variables)
    assert (variables / capsule.OS_INDICATIONS).read_bytes() == b"\7\0\0\0\5\0\0\0\0\0\0\x80"


def test_a_change_of_slots_that_would_stop_it_is_taken_back_with_simulated_efivars(
    tmp_path: Path, variables: Path
) -> None:
    for name in capsule.IN_THE_WAY:
        (variables / name).write_bytes(b"\7\0\0\0\1\0\0\0")
    capsule.stage(IMAGE, tmp_path, variables)
    assert not any((variables / name).exists() for name in capsule.IN_THE_WAY)


def test_what_is_no_capsule_is_refused_and_nothing_changes_with_simulated_efivars(
    tmp_path: Path, variables: Path
) -> None:
    with pytest.raises(InputError, match="the firmware is no UEFI capsule"):
        capsule.stage(b"firmware", tmp_path / "esp", variables)
    assert not (tmp_path / "esp").exists()
    assert len(list(variables.iterdir())) == 1


def test_variables_that_cannot_be_reached_are_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the firmware's variables cannot be reached"):
        capsule.stage(IMAGE, tmp_path / "esp", tmp_path / "efivars")
    assert not (tmp_path / "esp").exists()
