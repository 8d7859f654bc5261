"""Updates by the real RAUC as a D-Bus service under systemd: two slots on disks, signed verity bundles, the box's user.

The guests boot this machine's root, so what a slot holds is random bytes, and a script counts boots as U-Boot would
(`inside/boot_loader.sh`); the rest is real: RAUC, its signatures, dm-verity, the bus and its policy, the disks. Every
guest is a boot of one box; each test looks at a part of the story.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.board.bundles import BOOT_A_SLOT, IMAGE_BYTES, Signer, bundle
from tests.board.guest import CHECKOUT, Guest, missing

WHY_NOT = missing("rauc", "mksquashfs", "openssl", "dbus-daemon")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]

OVERLAY = CHECKOUT / "rootfs-overlay"
OURS = (
    "etc/dbus-1/system.d/mouthpiece-rauc.conf",
    "usr/lib/sysusers.d/mouthpiece.conf",
    "usr/lib/systemd/system/mouthpiece-reboot.path",
    "usr/lib/systemd/system/mouthpiece-reboot.service",
)
# A guest that reboots tells nothing any more, so a target is started where the unit would reboot.
ASKED = {
    "etc/systemd/system/asked.target": "[Unit]\nDescription=A reboot was asked for\n",
    "etc/systemd/system/mouthpiece-reboot.service.d/asked.conf": (
        "[Service]\nExecStart=\nExecStart=/usr/bin/systemctl --no-block start asked.target\n"
    ),
}
BOARD = "mouthpiece-test-board"
SYSTEM = f"""[system]
compatible={BOARD}
bootloader=custom
bundle-formats=verity
statusfile=/var/lib/mouthpiece/rauc-status
[handlers]
bootloader-custom-backend=/etc/rauc/boot_loader.sh
[keyring]
path=/etc/rauc/ca.pem
check-purpose=codesign
[slot.rootfs.0]
device=/dev/vda
type=raw
bootname=A
[slot.rootfs.1]
device=/dev/vdb
type=raw
bootname=B
[slot.recovery.0]
device=/dev/vdd
type=raw
"""
RECOVERY = b"another recovery".ljust(IMAGE_BYTES, b"\1")
PREPARE = f"""
for module in ext4 loop squashfs dm-verity; do modprobe $module; done
systemd-sysusers
blkid /dev/vdc > /dev/null || mkfs.ext4 -q /dev/vdc
mkdir -p /var/lib/mouthpiece /run/mouthpiece
mount /dev/vdc /var/lib/mouthpiece
mkdir -p /var/lib/mouthpiece/data
[ -d /var/lib/mouthpiece/data/bundles ] || cp -r /out/bundles /var/lib/mouthpiece/data
chown -R mouthpiece: /var/lib/mouthpiece/data /run/mouthpiece
mkdir -p /var/lib/mouthpiece/nand/state
chown -R mouthpiece: /var/lib/mouthpiece/nand
{BOOT_A_SLOT}
busctl call org.freedesktop.DBus /org/freedesktop/DBus org.freedesktop.DBus ReloadConfig
systemctl start mouthpiece-reboot.path
export MOUTHPIECE_RUN=/run/mouthpiece
"""


class Box:
    """One box: its disks, and what is the same in all of its boots."""

    def __init__(self, folder: Path, authority: Path, bundles: Path) -> None:
        self._folder, self._authority, self._bundles = folder, authority, bundles
        self._boots = 0
        self._disks: list[int | Path] = [IMAGE_BYTES, IMAGE_BYTES, 512 << 20, len(RECOVERY)]

    def boot(self, version: str, *plan: list[str]) -> list[Any]:
        """Boot into the slot that the boot loader chooses, where `version` runs; the outcome of each step."""
        overlay = {
            "etc/rauc/system.conf": SYSTEM,
            "etc/rauc/ca.pem": self._authority.read_text(),
            "etc/rauc/boot_loader.sh": (CHECKOUT / "tests/board/inside/boot_loader.sh").read_text(),
            **ASKED,
            "usr/lib/os-release": f"ID=mouthpiece\nIMAGE_VERSION={version}\n",
        }
        overlay |= {name: (OVERLAY / name).read_text() for name in OURS}
        self._boots += 1
        folder = self._folder / f"boot{self._boots}"
        folder.mkdir()
        guest = Guest(folder, disks=self._disks, systemd=True, overlay=overlay)
        self._disks = list(guest.disks)
        (guest.out / "plan").write_text(json.dumps(plan))
        if self._boots == 1:
            shutil.copytree(self._bundles, guest.out / "bundles")
        found = guest.run_inside("updates", before=PREPARE, timeout_s=900).facts()
        assert found.pop("steps") == len(plan)
        return list(found.values())


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Five boots of a box that comes with version 1.0.0 in A and nothing in B."""
    folder = tmp_path_factory.mktemp("updates")
    bundles = folder / "bundles"
    bundles.mkdir()
    ours, stranger = Signer.new(folder / "ours"), Signer.new(folder / "stranger")
    images = {
        name: bundle(bundles / f"{name}.raucb", signer, version, board, RECOVERY if name == "good" else b"")
        for name, signer, version, board in (
            ("good", ours, "1.1.0", BOARD),
            ("worse", ours, "1.2.0", BOARD),
            ("stranger", stranger, "1.1.0", BOARD),
            ("foreign", ours, "1.1.0", "another-board"),
            ("old", ours, "0.9.0", BOARD),
        )
    }
    for left in bundles.glob("*.d"):
        shutil.rmtree(left)
    whole = (bundles / "good.raucb").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    (bundles / "flipped.raucb").write_bytes(flipped)
    (bundles / "cut.raucb").write_bytes(whole[:-1000])
    (bundles / "half.raucb").write_bytes(whole[: len(whole) // 2])
    box = Box(folder, ours.authority, bundles)
    refused = ["stranger", "foreign", "old", "cut", "half", "flipped"]
    tried = [step for name in refused for step in (["install", f"{name}.raucb"], ["status"])]
    found: dict[str, Any] = {"digests": {name: hashlib.sha256(image).hexdigest() for name, image in images.items()}}
    first = box.boot(
        "1.0.0", ["strangers"], ["live"], ["status"], *tried, ["install", "good.raucb", "disk"], ["status"]
    )
    found["strangers"], found["ordinary"], found["before"], *rest = first
    found["refused"] = {name: rest[2 * number : 2 * number + 2] for number, name in enumerate(refused)}
    found["installed"], found["after"] = rest[-2:]
    found["new"] = box.boot("1.1.0", ["status"], ["live", "disk"], ["status"], ["install", "worse.raucb"])
    found["ill"] = box.boot("1.2.0", ["status"], ["live", "worker"], ["rebooting"], ["status"])
    found["back"] = box.boot("1.1.0", ["status"], ["live"], ["status"], ["install", "worse.raucb"], ["die"])
    found["given up"] = box.boot("1.1.0", ["live"], ["status"], ["command"])
    return found


def test_only_root_and_the_box_may_control_rauc(story: dict[str, Any]) -> None:
    assert story["strangers"]["code"] != 0
    assert "AccessDenied" in story["strangers"]["said"] or "rejected" in story["strangers"]["said"].lower()
    assert story["before"]["slots"]["A"] == "good"


def test_an_ordinary_boot_is_marked_good(story: dict[str, Any]) -> None:
    assert story["ordinary"] == {"published": [{"decided": True, "trial": None}], "reboot": False}
    assert story["before"]["history"] == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("stranger", "stranger.raucb is refused: it is damaged, or not signed for this box"),
        ("foreign", "foreign.raucb is for another-board; this box is a mouthpiece-test-board"),
        ("old", "old.raucb has version 0.9.0; this box runs the newer 1.0.0"),
        ("cut", "cut.raucb is refused: it is damaged, or not signed for this box"),
        ("half", "half.raucb is refused: it is damaged, or not signed for this box"),
    ],
)
def test_what_is_not_for_this_box_is_refused_and_nothing_changes(story: dict[str, Any], name: str, reason: str) -> None:
    outcome, after = story["refused"][name]
    assert re.match(reason, outcome["refused"])
    assert outcome["hint"]
    assert after == story["before"]


def test_a_flipped_byte_is_found_while_it_is_written_and_the_box_stays_where_it_is(story: dict[str, Any]) -> None:
    """dm-verity finds it when it gets there. The other slot is spoilt by then, as RAUC has told the boot loader."""
    outcome, after = story["refused"]["flipped"]
    assert outcome["refused"].startswith("the update was not installed: ")
    assert after["primary"] == after["booted"] == "rootfs.0"
    assert after["slots"] == {"A": "good", "B": "bad"}
    assert after["disks"]["A"] == story["before"]["disks"]["A"]
    assert [event[0] for event in after["history"]] == ["begun", "failed"]


def test_a_good_one_is_written_to_the_other_slot_with_progress(story: dict[str, Any]) -> None:
    assert story["installed"]["version"] == "1.1.0"
    progress = story["installed"]["progress"]
    *meanwhile, _ = story["installed"]["asked"]
    assert ["installing", "rootfs.0", "rootfs.0"] in meanwhile
    assert progress == sorted(progress)
    assert progress[-1] == 100
    after = story["after"]
    assert after["disks"]["A"] == story["before"]["disks"]["A"]
    assert after["disks"]["B"] == story["digests"]["good"]
    assert (after["booted"], after["primary"], after["trial"]) == ("rootfs.0", "rootfs.1", None)
    assert [event[:2] for event in after["history"][-2:]] == [["begun", "1.1.0"], ["installed", "1.1.0"]]


def test_recovery_is_replaced_by_what_an_update_brings_and_kept_where_it_brings_none(story: dict[str, Any]) -> None:
    theirs = hashlib.sha256(RECOVERY).hexdigest()
    assert story["before"]["disks"]["recovery"] != theirs
    assert story["after"]["disks"]["recovery"] == theirs
    assert set(story["after"]["slots"]) == {"A", "B"}
    assert story["ill"][0]["booted"] == "rootfs.0"
    assert story["ill"][0]["disks"]["recovery"] == theirs


def test_the_new_system_is_on_trial_until_it_has_been_healthy(story: dict[str, Any]) -> None:
    """With a problem that the old one had, too."""
    booted, lived, after, _ = story["new"]
    assert (booted["booted"], booted["version"], booted["trial"]) == ("rootfs.1", "1.1.0", "1.1.0")
    assert lived == {"published": [{"decided": True, "trial": "1.1.0"}], "reboot": False}
    assert (after["trial"], after["slots"]["B"], after["history"][-1][0]) == (None, "good", "confirmed")


def test_one_that_has_a_new_problem_rolls_itself_back(story: dict[str, Any]) -> None:
    booted, lived, rebooting, after = story["ill"]
    assert (booted["booted"], booted["trial"]) == ("rootfs.0", "1.2.0")
    assert lived["reboot"]
    assert rebooting == "active"
    assert (after["primary"], after["slots"]) == ("rootfs.1", {"A": "bad", "B": "good"})
    assert after["history"][-1] == ["rolled back", "1.2.0", "worker: it is broken"]
    assert story["back"][0]["booted"] == "rootfs.1"
    assert story["back"][0]["disks"]["B"] == story["digests"]["good"]


def test_one_that_never_comes_up_is_given_up_by_the_boot_loader_and_that_is_noted(story: dict[str, Any]) -> None:
    assert story["back"][-1] == "A A A"
    lived, after, shown = story["given up"]
    assert not lived["reboot"]
    assert (after["booted"], after["trial"]) == ("rootfs.1", None)
    assert after["history"][-1] == ["rolled back", "1.2.0", "it did not start"]
    assert shown.startswith("mouthpiece-test-board runs version 1.1.0 from rootfs.1\n")
    assert re.search(r"rootfs.1 +B +1.1.0 +next, good\n", shown)
    assert re.search(r"rolled back 1.2.0 \(rootfs.0\): it did not start", shown)
