"""Recovery for a Jetson on a virtual PC: what lies on its disk is there, its firmware and nvbootctrl are simulated.

Real are process 1, both faces, the configuration's ext4, RAUC with the handler, and the script that says why recovery
runs; files stand for the firmware's variables. What NVIDIA's boot image and kernel do is not tried here.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.console.security import first_boot, passwords
from appliance.errors import UnhealthyError
from appliance.storage.config import FILE, ConfigStore
from appliance.volumes import Volumes
from tests.board import recovery_machine as machine
from tests.board.bundles import Signer, bundle
from tests.board.guest import missing
from tests.board.test_recovery import said
from tests.unit.tools.boards.test_nvbootctrl import BAD, NVBOOTCTRL, VENDOR
from tools.recovery_image.contents import ROOT
from tools.virtual_board import media

WHY_NOT = missing("rauc", "mksquashfs", "openssl", "debugfs", "readelf")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]

NAME = "jetson-orin-nano"
PASSWORD, NEW = "correct horse battery", "another good password"
_HARDWARE = """export EFIVARS=/firmware
/usr/lib/mouthpiece/recovery why > /run/mouthpiece/reason
"""


def simulated_firmware(tree: Path) -> None:
    """Both slots were given up, and nobody asked."""
    variables = tree / "firmware"
    variables.mkdir()
    for slot in "AB":
        (variables / f"RootfsStatusSlot{slot}-{VENDOR}").write_bytes(BAD)
    (variables / f"L4TDefaultBootMode-{VENDOR}").write_bytes(bytes([7, 0, 0, 0, 1, 0, 0, 0]))
    for file in ("current", "active"):
        (variables / file).write_text("0\n")
    for name, target in (
        ("mouthpiece/recovery", "usr/lib/mouthpiece/recovery"),
        ("rauc/mouthpiece-nvbootctrl", "etc/rauc/mouthpiece-nvbootctrl"),
    ):
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "rootfs-overlay/usr/lib" / name, tree / target)
    (tree / "usr/bin/nvbootctrl").write_text(NVBOOTCTRL)
    (tree / "usr/bin/nvbootctrl").chmod(0o755)
    (tree / "etc/mouthpiece/hardware").write_text(_HARDWARE)


def disk(folder: Path) -> Path:
    """The board's partitions, with a configuration in one of them."""
    box = Volumes(folder / "box")
    ConfigStore(box).update(lambda config: config.update(admin=first_boot.credentials(PASSWORD), name="studio-box"))
    made = machine.partitioned(folder / "disk", 20 << 30, NAME)
    for name, options in (("config", ["-d", str(box.config)]), ("data", [])):
        start, size = media.find(made, name)
        command = ["mkfs.ext4", "-q", "-F", *options, "-E", f"offset={start}", str(made), f"{size // 1024}k"]
        subprocess.run(command, check=True)
    return made


def admin_hash(made: Path, folder: Path) -> str:
    """What the configuration on the disk says now."""
    start, size = media.find(made, "config")
    part, stored = folder / "config.part", Volumes(folder / "stored")
    stored.config.mkdir(parents=True)
    with made.open("rb") as file:
        file.seek(start)
        part.write_bytes(file.read(size))
    subprocess.run(["e2fsck", "-f", "-y", part], check=False, capture_output=True)  # the power was cut
    subprocess.run(["debugfs", "-R", f"dump /{FILE} {stored.config / FILE}", part], check=True, capture_output=True)
    return str(ConfigStore(stored).read()["admin"]["hash"])


@pytest.fixture(scope="module")
def jetson(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("jetson")
    signer = Signer.new(folder / "ours")
    bundle(folder / "good.raucb", signer, "1.1.0", "mouthpiece-jetson-orin-nano-devkit-nvme")
    try:
        image = machine.build_image(folder, signer.authority, NAME, simulated_firmware)
    except UnhealthyError as error:
        pytest.skip(f"the recovery system cannot be built here: {error.message}")
    made, found = disk(folder), {}
    with machine.running(folder / "run", image, {"disk": made}, reason="") as box:
        box.terminal.expect("Number, or nothing to go back")
        box.wait_for_site()
        visitor = box.visitor
        visitor.post("/login", password=PASSWORD)
        found["overview"] = said(visitor.get("/").text)
        found["volumes"] = said(visitor.get("/volumes").text)
        visitor.post("/volumes", do="format", volume="env", typed="env")
        found["env"] = said(visitor.settled("/volumes"))
        visitor.post("/volumes", do="format", volume="disk", typed="disk")
        found["disk"] = said(visitor.settled("/volumes"))
        visitor.post("/volumes", do="repair", volume="disk", typed="disk")
        found["table"] = said(visitor.settled("/volumes"))
        visitor.upload("/install", "good.raucb", (folder / "good.raucb").read_bytes(), do="upload")
        found["installed"] = said(visitor.settled("/"))
        found["order"] = said(visitor.get("/volumes").text)
        found["password"] = said(visitor.post("/password", do="password", new=NEW, repeat=NEW, code=box.code).text)
    found["hash"] = admin_hash(made, folder)
    with machine.running(folder / "again", image, {"disk": made}, reason="") as box:
        box.wait_for_site()
        visitor = box.visitor
        visitor.post("/login", password=NEW)
        visitor.post("/volumes", do="format", volume="config", typed="config")
        found["config"] = said(visitor.settled("/volumes"))
        box.terminal.expect("Number, or nothing to go back")
        found["unset"] = said(visitor.post("/password", do="password", new=NEW, repeat=NEW, code=box.code).text)
    return found


def test_it_says_that_the_firmware_gave_up_both_systems_with_simulated_firmware(jetson: dict[str, Any]) -> None:
    assert "Neither system starts" in jetson["overview"]
    assert "First A; A: bad, B: bad" in jetson["volumes"]


def test_both_systems_get_their_attempts_again_with_simulated_firmware(jetson: dict[str, Any]) -> None:
    assert "The volume env was made anew." in jetson["env"]
    assert "First A; A: good, B: good" in jetson["env"]


def test_a_bundle_is_installed_and_its_slot_is_the_next_with_simulated_firmware(jetson: dict[str, Any]) -> None:
    assert "Version 1.1.0 is installed; the next start tries it." in jetson["installed"]
    assert "A: good, B: good" in jetson["order"]


def test_its_password_lies_on_the_disk(jetson: dict[str, Any]) -> None:
    assert "Both copies are whole." in jetson["volumes"]
    assert "The new password is set." in jetson["password"]
    assert passwords.matches(jetson["hash"], NEW)


def test_its_configuration_is_made_anew_by_the_box_alone(jetson: dict[str, Any]) -> None:
    assert "The volume config was made anew." in jetson["config"]
    assert "It is empty: this box is not set up" in jetson["config"]
    assert "This box is not set up" in jetson["unset"]


def test_its_table_of_partitions_is_mended_and_never_made_anew(jetson: dict[str, Any]) -> None:
    assert "The disk has partitions of the boot loader as well" in jetson["disk"]
    assert "The volume disk was repaired." in jetson["table"]
    assert "has every partition" in jetson["table"]
    assert "Both copies are whole." in jetson["table"]
