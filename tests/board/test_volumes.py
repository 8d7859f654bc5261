"""Where state and cache lie: on the NAND, as the factory writes it or blank, or on the data volume without one.

The chip is nandsim.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import CHECKOUT, Guest, Result, missing
from tools.images import nand
from tools.images.__main__ import board

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing("ubinize")), reason=missing("ubinize") or "-")]

CHIP = "modprobe ubifs; modprobe zstd; modprobe nandsim id_bytes=0x20,0xaa,0x00,0x15; modprobe ubi\n"
WRITTEN = f"{CHIP}ubiformat /dev/mtd0 --flash-image=/out/nand.img --yes --quiet\n"
PREPARED = f"""set -eu
mkdir -p /var/lib/mouthpiece/data /usr/lib/mouthpiece
mount --bind /var/lib/mouthpiece/data /var/lib/mouthpiece/data
cp {CHECKOUT}/boot/generated/virt-arm64/ubinize.cfg /usr/lib/mouthpiece/
"""
LOOK = f"""
for start in first second; do sh {CHECKOUT}/rootfs-overlay/usr/lib/mouthpiece/volumes >> /out/said; done
for volume in state cache; do
    echo "$volume $(findmnt -no FSTYPE,SOURCE,OPTIONS /var/lib/mouthpiece/nand/$volume)" >> /out/found
    echo kept > /var/lib/mouthpiece/nand/$volume/file
done
cp /run/mouthpiece-volumes /out/report
sync
"""


def run(folder: Path, before: str) -> Result:
    guest = Guest(folder)
    nand.image(board("virt-arm64"), guest.out / "nand.img")
    result = guest.run(PREPARED + before + LOOK, timeout_s=240)
    assert result.status == 0, result.explain()
    return result


@pytest.mark.parametrize("chip", [WRITTEN, CHIP], ids=["by the factory", "blank"])
def test_the_nands_volumes_are_mounted_where_there_is_one(tmp_path: Path, chip: str) -> None:
    result = run(tmp_path, chip)
    state, cache = result.text("found").splitlines()
    assert state.startswith("state ubifs")
    assert "compr=zstd" in state
    assert cache.startswith("cache ubifs")
    assert "compr=none" in cache
    assert result.text("said") == result.text("report") == ""


def test_without_a_nand_they_are_folders_of_the_data_volume_and_that_is_said(tmp_path: Path) -> None:
    result = run(tmp_path, "")
    for name, line in zip(("state", "cache"), result.text("found").splitlines(), strict=True):
        assert f"/data/nand/{name}]" in line
    assert "there is no NAND" in result.text("said")
    assert result.text("report") == "no-nand\n"
