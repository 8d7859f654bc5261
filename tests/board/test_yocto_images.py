"""What the Yocto layer's recipes make for the virtual board, started: its NOR, its NAND, its disk, its update.

`make yocto-exec` ran the recipes. U-Boot, kernel and root are those of the virtual board; signatures, the hashes of the
root, the environment, UBI and the disk's table are the recipes' work, and the slot's first process is the layer's. The
disk is fitted as `make flash` does. The NAND is nandsim, which has pages, written with `ubiformat` at each start.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.board import boot_chain
from tests.board.live_board import Live, free_port
from tools.boards.board import ENVIRONMENT
from tools.flash import disk as flashing
from tools.virtual_board import board as facts_of
from tools.virtual_board import factory, media
from tools.yocto import execute

MADE = execute.Made(execute.VIRTUAL, execute.deployed(execute.VIRTUAL), Path())
NOR, NAND, DISK = (MADE.file(f"mouthpiece-{kind}-image", ".img") for kind in ("nor", "nand", "disk"))
BUNDLE = MADE.file("mouthpiece-bundle", ".raucb")
UNMADE = [path.name for path in (NOR, NAND, DISK, BUNDLE) if not path.exists()]
REASON = boot_chain.missing() or (f"there is no {UNMADE[0]}: make yocto-exec LAYERS=…" if UNMADE else "")
pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(REASON), reason=REASON)]

SLOW_S = 600.0
PLACES = ("state", "cache")
CONFIG = "from appliance.storage.config import *; print(json.dumps(ConfigStore(Volumes.default()).read()))"
PASSWORD = "correct horse battery"  # noqa: S105


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Switched on as the factory leaves it, updated, and sent to recovery in the end: the NOR's, then the disk's."""
    folder = tmp_path_factory.mktemp("board")
    media.split_nor(NOR.read_bytes(), (folder / factory.CHIPS[0], folder / factory.CHIPS[1]))
    flashing.fit(DISK, facts_of.description().disk.size, folder / factory.DISK)
    (folder / factory.NAND).write_bytes(NAND.read_bytes())
    found: dict[str, Any] = {}
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        board.reaches("multi-user", timeout_s=SLOW_S)
        found["served"] = board.serves(timeout_s=SLOW_S)
        found["start"] = board.lines()
        found["root"] = board.shell("findmnt -no SOURCE,FSTYPE,OPTIONS /")
        found["environment"] = board.shell("fw_printenv BOOT_ORDER BOOT_B_LEFT").splitlines()
        found["config"] = json.loads(board.shell(f"python3 -c '{CONFIG}'"))
        found["attached"] = board.shell("dmesg --notime | grep ubi0:")
        found["volumes"] = board.shell("ubinfo -a /dev/ubi0")
        found["mounts"] = {
            name: board.shell(f"findmnt -no SOURCE,FSTYPE,OPTIONS /var/lib/mouthpiece/nand/{name}") for name in PLACES
        }
        found["failed"] = board.shell("systemctl --failed --no-legend --plain")
        board.set_up(PASSWORD)
        found["installed"] = install(board, BUNDLE)
        restart(board, r"Reached target .*multi-user\.target")
        found["updated"] = board.shell("cat /proc/cmdline; findmnt -no SOURCE,FSTYPE /")
        board.shell("fw_setenv BOOT_RECOVERY 1")
        since = board.seen()
        restart(board, "^Recovery: asked")
        found["recovery"] = board.waits_for(r"mouthpiece\.recovery=\S+", timeout_s=SLOW_S, since=since)[1]
        found["recovery served"] = board.serves(timeout_s=SLOW_S, path="/")
    lose_recovery((folder / factory.CHIPS[0], folder / factory.CHIPS[1]))
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        board.waits_for("^Recovery cannot be started from the NOR: trying the disk", timeout_s=SLOW_S)
        found["recovery of the disk"] = board.waits_for(r"mouthpiece\.recovery=\S+", timeout_s=SLOW_S)[1]
    return found


def lose_recovery(chips: tuple[Path, Path]) -> None:
    """Erase the NOR's, and ask for it."""
    whole = bytearray(b"".join(chip.read_bytes() for chip in chips))
    recovery = facts_of.nor_partition("recovery")
    whole[recovery.offset : recovery.end] = b"\xff" * recovery.size
    wish = boot_chain.packed({"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "3", "BOOT_RECOVERY": "1"})
    for name in ENVIRONMENT:
        partition = facts_of.nor_partition(name)
        whole[partition.offset : partition.offset + len(wish)] = wish
    media.split_nor(bytes(whole), chips)


def install(board: Live, bundle: Path) -> dict[str, Any]:
    """What comes of a bundle that the console is given."""
    board.fetch(f"/api/v1/updates/bundle?name={bundle.name}", file=bundle, timeout_s=SLOW_S)
    deadline = time.monotonic() + SLOW_S
    while True:
        errand: dict[str, Any] = board.fetch("/api/v1/updates")["errand"]
        if errand["state"] != "running":
            return errand
        assert time.monotonic() < deadline, errand
        time.sleep(2)


def restart(board: Live, sign: str) -> None:
    since = board.seen()
    board.shell("systemctl reboot --no-block")
    board.waits_for("^U-Boot 20", timeout_s=SLOW_S, since=since)
    board.left_shell()
    board.waits_for(sign, timeout_s=SLOW_S, since=board.seen())


def test_u_boot_and_linux_read_the_environment_of_the_image(facts: dict[str, Any]) -> None:
    assert facts["environment"] == ["BOOT_ORDER=A B", "BOOT_B_LEFT=3"]
    assert "Slot A, 2 attempts left after this one" in facts["start"]
    assert not [line for line in facts["start"] if "default environment" in line]


def test_the_slots_fit_opens_the_root_that_it_was_signed_with(facts: dict[str, Any]) -> None:
    source, kind, options = facts["root"].split()
    assert (source, kind) == ("/dev/mapper/root", "squashfs")
    assert "ro" in options.split(",")


def test_the_config_partition_takes_the_first_settings(facts: dict[str, Any]) -> None:
    assert facts["config"]["settings"] == {"lan": True, "https_port": 443}


def test_ubi_attaches_the_image_with_its_volumes(facts: dict[str, Any]) -> None:
    # A volume that grows to the chip's size is in the image only.
    assert 'volume 1 ("cache") re-sized from 1 to' in facts["attached"]
    assert "min./max. I/O unit sizes: 2048/2048, sub-page size 512" in facts["attached"]
    assert [line.split()[-1] for line in facts["volumes"].splitlines() if line.startswith("Name:")] == list(PLACES)


def test_both_volumes_are_mounted(facts: dict[str, Any]) -> None:
    for name, compression in zip(PLACES, ("zstd", "none"), strict=True):
        source, kind, options = facts["mounts"][name].split()
        assert (source, kind) == (f"ubi0:{name}", "ubifs")
        assert f"compr={compression}" in options


def test_the_console_serves_and_no_unit_failed(facts: dict[str, Any]) -> None:
    print(f"the console answered after {facts['served']:.0f} s")
    assert facts["failed"] == ""


def test_the_bundle_fills_the_other_slot_and_that_starts(facts: dict[str, Any]) -> None:
    assert facts["installed"]["state"] == "done", facts["installed"]
    assert "rauc.slot=B" in facts["updated"]
    assert facts["updated"].splitlines()[-1].split() == ["/dev/mapper/root", "squashfs"]


def test_recovery_starts_from_the_nor_when_it_is_asked_for(facts: dict[str, Any]) -> None:
    assert facts["recovery"].endswith("mouthpiece.recovery=asked")
    assert facts["recovery served"] > facts["served"]


def test_recovery_starts_from_the_disk_when_the_nor_has_none(facts: dict[str, Any]) -> None:
    assert facts["recovery of the disk"].endswith("mouthpiece.recovery=asked")
