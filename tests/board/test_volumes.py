"""Where state and cache lie: on the NAND, as the factory writes it, or in folders of the data partition without one.

The script is the Yocto layer's; the chip is nandsim.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.board.guest import Guest, Result, missing
from tools.images import nand
from tools.images.__main__ import board

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing("ubinize")), reason=missing("ubinize") or "-")]

SCRIPT = (
    Path(__file__).parents[2]
    / "yocto-layer/meta-mouthpiece/recipes-mouthpiece/mouthpiece-volumes/files/mouthpiece-volumes.sh"
)
CHIP = """
modprobe ubifs; modprobe zstd; modprobe nandsim id_bytes=0x20,0xaa,0x00,0x15; modprobe ubi
ubiformat /dev/mtd0 --flash-image=/out/nand.img --yes --quiet
"""
# On a box udev makes the link to the chip, for which the script waits; here none runs.
PREPARED = """set -eu
mkdir -p /run/bin /var/lib/mouthpiece/data /var/lib/mouthpiece/nand/state /var/lib/mouthpiece/nand/cache
echo 'mouthpiece:x:990:990::/:/bin/false' >> /etc/passwd; echo 'mouthpiece:x:990:' >> /etc/group
printf '#!/bin/sh\\nexit 0\\n' > /run/bin/udevadm; chmod +x /run/bin/udevadm; export PATH=/run/bin:$PATH
"""
LOOK = """
sh -eu /out/volumes.sh; sh -eu /out/volumes.sh
for volume in state cache; do
    echo "$volume $(findmnt -no FSTYPE,SOURCE,OPTIONS /var/lib/mouthpiece/nand/$volume)" >> /out/found
    stat -c '%U' /var/lib/mouthpiece/nand/$volume >> /out/owners
    echo kept > /var/lib/mouthpiece/nand/$volume/file
done
sync
"""


def run(folder: Path, before: str) -> Result:
    script = SCRIPT.read_text()
    guest = Guest(folder)
    (guest.out / "volumes.sh").write_text(script.replace("/dev/mtd/by-name/ubi", "/run/chip"))
    nand.image(board("virt-arm64"), guest.out / "nand.img")
    return guest.run(PREPARED + before + LOOK, timeout_s=240)


def test_the_nands_volumes_are_mounted_where_there_is_one(tmp_path: Path) -> None:
    result = run(tmp_path, CHIP + "ln -s /dev/mtd0 /run/chip")
    assert result.status == 0, result.explain()
    state, cache = result.text("found").splitlines()
    assert state.startswith("state ubifs")
    assert "compr=zstd" in state
    assert cache.startswith("cache ubifs")
    assert "compr=none" in cache
    assert result.text("owners") == "mouthpiece\n" * 2


def test_without_a_nand_they_are_folders_of_the_data_partition(tmp_path: Path) -> None:
    result = run(tmp_path, "")
    assert result.status == 0, result.explain()
    for name, line in zip(("state", "cache"), result.text("found").splitlines(), strict=True):
        assert f"/data/.nand/{name}]" in line
    assert result.text("owners") == "mouthpiece\n" * 2
