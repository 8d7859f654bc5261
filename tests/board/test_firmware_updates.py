"""Firmware renewed by bundles: real RAUC under systemd with a bundle's own hook, on a disk with the ROCK 5B's table.

The NOR is `kept_flash`, a kernel module whose power can be cut to the byte; what the RK3588's ROM does stands in
`tests/rockchip_firmware.py`. The slots are those of the board's own `system.conf`; a script counts boots like U-Boot.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.board import kept_flash
from tests.board.bundles import BOOT_A_SLOT, Signer, bundle
from tests.board.guest import CHECKOUT, Guest, missing
from tests.board.inside.firmware import ERASE, NEW, instants
from tests.rockchip_firmware import firmware
from tools.images import disk
from tools.images.__main__ import board

WHY_NOT = missing("rauc", "mksquashfs", "openssl", "dbus-daemon", "journalctl") or kept_flash.missing()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]

BOARD = "mouthpiece-rock-5b"
PREPARE = f"""
for module in loop squashfs dm-verity; do modprobe $module; done
mkdir -p /var/lib/mouthpiece/data
{BOOT_A_SLOT}
udevadm settle
"""


def system_conf() -> str:
    """The board's own, but for the boot loader."""
    text = (CHECKOUT / "boot/generated/rock-5b/system.conf").read_text()
    text = text.replace("bootloader=uboot\n", "bootloader=custom\n")
    text = re.sub(r"boot-attempts.*\n", "", text)
    return text + "[handlers]\nbootloader-custom-backend=/etc/rauc/boot_loader.sh\n"


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("firmware")
    image = folder / "disk.img"
    disk.image(board("rock-5b"), {}, image)
    ours = Signer.new(folder / "ours")
    overlay = {
        "etc/rauc/system.conf": system_conf(),
        "etc/rauc/keyring.pem": ours.authority.read_text(),
        "etc/rauc/boot_loader.sh": (CHECKOUT / "tests/board/inside/boot_loader.sh").read_text(),
    }
    guest = Guest(folder / "guest", disks=[image], systemd=True, overlay=overlay)
    shutil.copy(kept_flash.module(folder / "module"), guest.out)
    bundles = guest.out / "bundles"
    bundles.mkdir()
    new = {"firmware.img": NEW["disk"], "firmware-nor.img": NEW["NOR"]}
    large = firmware(9, (3 << 20) + 1)
    slot = bundle(bundles / "good.raucb", ours, "1.1.0", BOARD, firmware=new)
    bundle(bundles / "foreign.raucb", ours, "1.1.0", "mouthpiece-another", firmware=new)
    bundle(bundles / "too-large.raucb", ours, "1.1.0", BOARD, firmware=new | {"firmware-nor.img": large})
    for left in bundles.glob("*.d"):
        shutil.rmtree(left)
    found = guest.run_inside("firmware", before=PREPARE, timeout_s=1200).facts()
    return found | {"slot": hashlib.sha256(slot).hexdigest()}


WHOLE = {name: hashlib.sha256(image).hexdigest() for name, image in NEW.items()}


def test_an_update_renews_both_copies_byte_for_byte_and_switches(facts: dict[str, Any]) -> None:
    before = facts["before"]
    assert (before["starts"], before["primary"], before["slots"]) == ("old", "rootfs.0", {"A": "good", "B": "good"})
    outcome, after = facts["good"]
    assert outcome == "installed"
    assert after["firmware"] == WHOLE
    assert after["roots"] == {"root-a": before["roots"]["root-a"], "root-b": facts["slot"]}
    assert (after["primary"], after["slots"]) == ("rootfs.1", {"A": "good", "B": "good"})


def test_what_is_there_already_is_not_written_again(facts: dict[str, Any]) -> None:
    outcome, after, sectors = facts["again"]
    assert outcome == "installed"
    assert after == facts["good"][1]
    assert sectors == 0
    said = re.findall(r"firmware written: (.*)", facts["journal"])
    assert said == ["NOR", "nothing, it is there already"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("too large", "the firmware for the NOR has 3145729 bytes, and its partition 3145728"),
        ("foreign", "the bundle is for mouthpiece-another, and this box is a mouthpiece-rock-5b"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is(facts: dict[str, Any], name: str, reason: str) -> None:
    outcome, after = facts[name]
    assert outcome.endswith(reason)
    assert after == facts["before"]


def test_a_nor_that_fails_is_named_and_the_box_stays_in_its_slot(facts: dict[str, Any]) -> None:
    """The disk has the new firmware by then, and starts the box; the other slot has its system, and is not booted."""
    outcome, after = facts["NOR fails"]
    before = facts["before"]
    assert outcome == "the update was not installed: the firmware cannot be written to the NOR: Input/output error"
    assert (after["primary"], after["slots"]) == ("rootfs.0", {"A": "good", "B": "bad"})
    assert after["roots"]["root-a"] == before["roots"]["root-a"]
    assert after["starts"] == "new"
    assert after["firmware"]["disk"] == WHOLE["disk"]


def test_a_power_cut_at_any_byte_of_the_nor_leaves_whole_firmware(facts: dict[str, Any]) -> None:
    """The old one until the disk has the new one whole; from then on that, until the NOR's is."""
    found = facts["cuts of the NOR"]
    assert sum(found.values()) == len(list(instants(len(NEW["NOR"])))) == 4 * (2 + 2 * (len(NEW["NOR"]) // ERASE + 1))
    # Before the first byte of it the NOR still has the old one.
    assert found["old"] == 1


def test_the_disk_holds_its_copy_for_good_before_the_nor_is_touched(tmp_path: Path) -> None:
    """The guest is killed when the NOR's ID block has gone: what it had only in memory of the disk is lost."""
    image = tmp_path / "disk.img"
    disk.image(board("rock-5b"), {}, image)
    guest = Guest(tmp_path / "guest", disks=[image])
    shutil.copy(kept_flash.module(tmp_path / "module"), guest.out)
    result = guest.run_inside("firmware killed", timeout_s=600, enough=(guest.out / "cut").exists)
    assert result.status is None, result.explain()
    with image.open("rb") as file:
        file.seek(board("rock-5b").disk.starts[0])
        assert file.read(len(NEW["disk"])) == NEW["disk"]


def test_a_writer_of_the_disk_that_is_killed_leaves_whole_firmware(facts: dict[str, Any]) -> None:
    # Head, two pieces, head, each in two halves.
    assert facts["cuts of the disk"] == {"old": 8}
