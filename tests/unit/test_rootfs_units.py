"""The units of rootfs-overlay: what is to be enabled is so on every image, and explained, and runs what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
OVERLAY = CHECKOUT / "rootfs-overlay"
UNITS = OVERLAY / "usr/lib/systemd/system"
PRESET = OVERLAY / "usr/lib/systemd/system-preset/10-mouthpiece.preset"
RECIPE = next((CHECKOUT / "yocto-layer").rglob("mouthpiece-runtime_*.bb"))
OURS = sorted(path for path in UNITS.iterdir() if path.is_file())
INSTALLED = {path.name for path in OURS if "[Install]" in path.read_text().splitlines()}


def test_the_preset_enables_what_is_to_be_enabled() -> None:
    enabled = set(re.findall(r"^enable (mouthpiece\S*)$", PRESET.read_text(), re.MULTILINE))
    assert enabled == INSTALLED


def test_the_recipe_names_the_same() -> None:
    (listed,) = re.findall(r'^SYSTEMD_SERVICE:\$\{PN\} = "([^"]*)"', RECIPE.read_text(), re.MULTILINE)
    assert set(listed.replace("\\\n", "").split()) == INSTALLED


@pytest.mark.parametrize("unit", [path for path in OURS if path.suffix == ".timer"], ids=lambda path: path.name)
def test_a_timer_has_its_service(unit: Path) -> None:
    assert unit.with_suffix(".service").is_file()


@pytest.mark.parametrize("unit", OURS, ids=lambda path: path.name)
def test_the_scripts_that_a_unit_runs_are_there(unit: Path) -> None:
    for name in re.findall(r"^ExecStart=/(usr/lib/mouthpiece/\S+)", unit.read_text(), re.MULTILINE):
        assert (OVERLAY / name).stat().st_mode & 0o111 == 0o111
