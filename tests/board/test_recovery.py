"""The recovery system with all well, without its disk and without its NAND: driven by forms and by the serial console.

Real are the kernel, the initramfs with all its programs, UBI and UBIFS, ext4, RAUC and its signatures, dm-verity,
U-Boot's environment as libubootenv reads and writes it, TLS, and the keyboard whose key stands for the box's button.
Flash is block2mtd on virtio disks, so that this side sees what was written; wear is not simulated, and libubootenv,
which knows no flash of that type, takes the disks themselves. Each machine tells a story; each test looks at a part of
it, and at what the drives hold after the power was cut.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from appliance.console.security import first_boot, passwords
from appliance.errors import UnhealthyError
from appliance.jobs import saved
from appliance.storage.config import FILE, ConfigStore
from appliance.storage.logs import LogWriter
from appliance.update import restore
from appliance.volumes import Volumes
from tests.board import recovery_machine as machine
from tests.board.boot_chain import packed, unpacked
from tests.board.bundles import Signer, bundle
from tests.board.guest import missing
from tools.virtual_board import media

WHY_NOT = missing("rauc", "mksquashfs", "openssl", "mkfs.ubifs", "ubinize", "debugfs", "readelf")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT or "-")]

PASSWORD, NEW, BY_SERIAL = "correct horse battery", "another good password", "typed at the serial port"
PASSPHRASE = "a few plain words"  # noqa: S105
BOARD = "mouthpiece-qemuarm64"
LAST_WORDS = "out of memory while drawing the frames"
SPENT = {"BOOT_ORDER": "A B", "BOOT_A_LEFT": "0", "BOOT_B_LEFT": "0"}
LEB = 131072 - 128
"""On a device that is written byte by byte UBI's headers take 64 bytes each."""


class Parts:
    """What the box is made of, as files of this machine; made anew for each story."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.drives: dict[str, Path] = {}

    def config(self) -> None:
        box = Volumes(self.folder / "box")
        ConfigStore(box).update(lambda config: config.update(admin=first_boot.credentials(PASSWORD), name="studio-box"))
        self.drives["config"] = box.config / FILE

    def environment(self) -> None:
        for name, content in (("env", packed(SPENT)), ("env-redundant", b"\xff" * 0x40000)):
            self._raw(name, content)

    def nand(self) -> None:
        """UBI with both volumes; the log has something to say."""
        box = Volumes(self.folder / "box")
        box.logs.mkdir(parents=True)
        writer = LogWriter(box.logs)
        writer.append("ERROR", "jobs.worker", LAST_WORDS)
        assert writer.flush()
        files, layout, image = (self.folder / name for name in ("state.ubifs", "ubinize.cfg", "ubi"))
        sizes = ["-m", "8", "-e", str(LEB), "-c", "200", "-x", "zstd"]
        subprocess.run(["mkfs.ubifs", *sizes, "-r", box.state, "-o", files], check=True)
        layout.write_text(
            f"[state]\nmode=ubi\nvol_id=0\nvol_type=dynamic\nvol_name=state\nvol_size=16MiB\nimage={files}\n"
            "[cache]\nmode=ubi\nvol_id=1\nvol_type=dynamic\nvol_name=cache\nvol_size=8MiB\n"
        )
        subprocess.run(["ubinize", "-m", "1", "-p", "128KiB", "-o", image, layout], check=True)
        self._raw("ubi", image.read_bytes().ljust(64 << 20, b"\xff"))

    def spoilt_nand(self) -> None:
        """A chip full of what is no UBI."""
        self._raw("ubi", b"\x5a" * (64 << 20))

    def disk(self) -> None:
        """Partitions, and a data volume with an avatar."""
        data = self.folder / "data"
        (data / "avatars/anna").mkdir(parents=True)
        (data / "avatars/anna/pack").write_bytes(b"anna's face")
        disk = machine.partitioned(self.folder / "disk")
        start, size = media.find(disk, "data")
        options = ["-q", "-F", "-d", str(data), "-E", f"offset={start}", str(disk), f"{size // 1024}k"]
        subprocess.run(["mkfs.ext4", *options], check=True)
        self.drives["disk"] = disk

    def empty_disk(self) -> None:
        self._empty("disk", 4 << 30)

    def stick(self) -> None:
        self._empty("stick", 256 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-L", "STICK", self.drives["stick"]], check=True)

    def _raw(self, name: str, content: bytes) -> None:
        self.drives[name] = self.folder / f"{name}.raw"
        self.drives[name].write_bytes(content)

    def _empty(self, name: str, size: int) -> None:
        self.drives[name] = self.folder / f"{name}.raw"
        with self.drives[name].open("wb") as file:
            file.truncate(size)

    def written(self, image: bytes) -> tuple[str, str]:
        """The slot that holds an image, and the other one. Which one RAUC takes where none runs is its own affair."""
        found = [slot for slot in "AB" if self._slot(f"root-{slot.lower()}", len(image)) == image]
        assert len(found) == 1
        return found[0], "B" if found[0] == "A" else "A"

    def _slot(self, name: str, size: int) -> bytes:
        start, _ = media.find(self.drives["disk"], name)
        with self.drives["disk"].open("rb") as file:
            file.seek(start)
            return file.read(size)

    def variables(self) -> dict[str, str]:
        """U-Boot's environment, of two good copies the newer one: in files, libubootenv counts the flag up."""
        copies = [self.drives[name].read_bytes() for name in ("env", "env-redundant")]
        good = [copy for copy in copies if unpacked(copy) is not None]
        return unpacked(max(good, key=lambda copy: copy[4])) or {}

    def admin_hash(self) -> str:
        stored = Volumes(self.folder / "box")
        return str(ConfigStore(stored).read()["admin"]["hash"])


class Bundles:
    def __init__(self, folder: Path) -> None:
        self.ours, stranger = Signer.new(folder / "ours"), Signer.new(folder / "stranger")
        self.image = bundle(folder / "good.raucb", self.ours, "1.1.0", BOARD)
        bundle(folder / "foreign.raucb", self.ours, "1.1.0", "another-board")
        bundle(folder / "stranger.raucb", stranger, "1.1.0", BOARD)
        self.good = (folder / "good.raucb").read_bytes()
        flipped = bytearray(self.good)
        flipped[len(flipped) // 2] ^= 1
        self.refused = {
            "flipped": bytes(flipped),
            "cut": self.good[:-1000],
            "foreign": (folder / "foreign.raucb").read_bytes(),
            "stranger": (folder / "stranger.raucb").read_bytes(),
        }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recovery")


@pytest.fixture(scope="module")
def bundles(folder: Path) -> Bundles:
    return Bundles(folder)


@pytest.fixture(scope="module")
def image(folder: Path, bundles: Bundles) -> Path:
    try:
        return machine.build_image(folder, bundles.ours.authority)
    except UnhealthyError as error:
        pytest.skip(f"the recovery system cannot be built here: {error.message}")


def said(page: str) -> str:
    """What a page says, without how."""
    main = page.partition("<main")[2]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main)).replace("&#39;", "'")


@pytest.fixture(scope="module")
def whole(folder: Path, image: Path, bundles: Bundles) -> dict[str, Any]:
    """A box whose systems both gave up: everything is there, and a stick is plugged in."""
    parts, found = Parts(folder / "whole"), {}
    for make in (parts.config, parts.environment, parts.nand, parts.disk, parts.stick):
        make()
    with machine.running(folder / "whole/run", image, parts.drives) as box:
        box.terminal.expect("Number, or nothing to go back")
        box.wait_for_site()
        visitor = box.visitor
        found["outside"] = visitor.get("/volumes").headers["Location"]
        visitor.post("/login", password=PASSWORD)
        found["overview"] = said(visitor.get("/").text)
        found["volumes"] = said(visitor.get("/volumes").text)
        for name, content in bundles.refused.items():
            visitor.upload("/install", f"{name}.raucb", content, do="upload")
            found[name] = said(visitor.settled("/install"))
        visitor.upload("/install", "good.raucb", bundles.good, do="upload")
        found["installed"] = said(visitor.settled("/"))
        found["typed wrong"] = said(visitor.post("/volumes", do="format", volume="cache", typed="yes").text)
        for do, name in (("format", "cache"), ("repair", "data"), ("repair", "state"), ("repair", "config")):
            visitor.post("/volumes", do=do, volume=name, typed=name)
            found[f"{do} {name}"] = said(visitor.settled("/volumes"))
        visitor.post("/backup", do="backup", stick="sda", passphrase=PASSPHRASE, repeat=PASSPHRASE)
        found["backup"] = said(visitor.settled("/backup"))
        fields = {"do": "password", "new": NEW, "repeat": NEW}
        found["unproven"] = said(visitor.post("/password", **fields).text)
        box.press_a_key()
        found["pressed"] = said(visitor.post("/password", **fields).text)
        found["hash"] = parts.admin_hash()
        start = box.terminal.type("1")
        found["serial"] = box.terminal.expect("Number, or nothing to go back", after=start)
        start = box.terminal.type("5")
        for question in ("New password: ", "The same again: "):
            box.terminal.expect(question, after=start)  # what is typed before it asks is thrown away
            start = box.terminal.type(BY_SERIAL)
        found["serial password"] = box.terminal.expect("Number, or nothing to go back", after=start)
        visitor.post("/login", password=BY_SERIAL)
        found["reboot"] = said(visitor.post("/", to="/reboot").text)
        found["ended"] = box.process.wait(machine.PATIENCE_S)
    return {**found, "parts": parts}


@pytest.fixture(scope="module")
def diskless(folder: Path, image: Path, bundles: Bundles) -> dict[str, Any]:
    """The disk is dead, what is on the NAND is no UBI, and nobody knows the password."""
    parts, found = Parts(folder / "diskless"), {}
    for make in (parts.config, parts.environment, parts.spoilt_nand):
        make()
    with machine.running(folder / "diskless/run", image, parts.drives, reason="environment") as box:
        box.terminal.expect("Number, or nothing to go back")
        box.wait_for_site()
        visitor = box.visitor
        found["password"] = said(visitor.post("/password", do="password", new=NEW, repeat=NEW, code=box.code).text)
        found["overview"] = said(visitor.get("/").text)
        visitor.upload("/install", "good.raucb", bundles.good, do="upload")
        found["install"] = said(visitor.settled("/install"))
        visitor.post("/volumes", do="format", volume="nand", typed="nand")
        found["nand"] = said(visitor.settled("/volumes"))
        visitor.post("/volumes", do="format", volume="env", typed="env")
        found["env"] = said(visitor.settled("/volumes"))
        visitor.language = "zh-CN"
        found["chinese"] = said(visitor.get("/").text)
    return {**found, "parts": parts}


@pytest.fixture(scope="module")
def nandless(folder: Path, image: Path, bundles: Bundles) -> dict[str, Any]:
    """The NAND and the configuration's flash are dead, and the disk is a new one."""
    parts, found = Parts(folder / "nandless"), {}
    for make in (parts.environment, parts.empty_disk):
        make()
    with machine.running(folder / "nandless/run", image, parts.drives, reason="asked") as box:
        box.terminal.expect("Number, or nothing to go back")
        box.wait_for_site()
        visitor = box.visitor
        visitor.post("/login", password=box.code)
        found["overview"] = said(visitor.get("/").text)
        visitor.post("/volumes", do="format", volume="disk", typed="disk")
        found["disk"] = said(visitor.settled("/volumes"))
        visitor.upload("/install", "good.raucb", bundles.good, do="upload")
        found["installed"] = said(visitor.settled("/"))
        found["password"] = said(visitor.post("/password", do="password", new=NEW, repeat=NEW, code=box.code).text)
    return {**found, "parts": parts}


def test_nobody_sees_anything_without_logging_in(whole: dict[str, Any]) -> None:
    assert whole["outside"] == "/login"


def test_it_says_what_happened(whole: dict[str, Any]) -> None:
    assert "Neither system starts" in whole["overview"]
    assert LAST_WORDS in whole["overview"]
    assert "System A" in whole["overview"]
    assert "0 attempts left" in whole["overview"]


def test_it_says_how_every_volume_is(whole: dict[str, Any]) -> None:
    for words in (
        "Both copies are whole.",
        "Order A B; attempts left A: 0, B: 0.",
        "blocks are bad",
        "has every partition",
    ):
        assert words in whole["volumes"]
    assert whole["volumes"].count("It can be read.") == 2  # the cache's volume has never been written


@pytest.mark.parametrize("name", ["flipped", "cut", "foreign", "stranger"])
def test_a_bundle_that_will_not_do_is_refused(whole: dict[str, Any], name: str) -> None:
    assert "is refused" in whole[name] or "is for another-board" in whole[name] or "was not installed" in whole[name]


def test_a_bundle_is_installed_and_its_slot_is_the_next(whole: dict[str, Any], bundles: Bundles) -> None:
    assert "Version 1.1.0 is installed; the next start tries it." in whole["installed"]
    slot, other = whole["parts"].written(bundles.image)
    assert whole["parts"].variables() == {
        "BOOT_ORDER": f"{slot} {other}",
        f"BOOT_{slot}_LEFT": "3",
        f"BOOT_{other}_LEFT": "0",
    }


def test_volumes_are_repaired_and_made_anew(whole: dict[str, Any]) -> None:
    assert "Nothing was done: the name cache has to be typed." in whole["typed wrong"]
    assert "The volume cache was made anew." in whole["format cache"]
    for name in ("data", "state", "config"):
        assert f"The volume {name} was repaired." in whole[f"repair {name}"]
    assert whole["repair config"].count("It can be read.") == 3


def test_a_backup_from_recovery_is_restored_on_a_fresh_box(whole: dict[str, Any], tmp_path: Path) -> None:
    assert "is on the stick; it may be pulled out." in whole["backup"]
    name = re.search(r"studio-box-[\d-]+\.backup", whole["backup"])
    assert name is not None
    stick, file = whole["parts"].drives["stick"], tmp_path / "backup"
    subprocess.run(["debugfs", "-R", f"dump /{name[0]} {file}", stick], check=True, capture_output=True)
    fresh = Volumes(tmp_path / "fresh")
    for place in (fresh.config, fresh.state, fresh.data, fresh.run):
        place.mkdir(parents=True)
    with file.open("rb") as source:
        restore.restore(fresh, source, PASSPHRASE, lambda lines: saved.adopt(fresh.jobs, lines))
    assert (fresh.avatars / "anna/pack").read_bytes() == b"anna's face"
    assert ConfigStore(fresh).read()["name"] == "studio-box"


def test_a_password_takes_somebody_at_the_box(whole: dict[str, Any]) -> None:
    assert "Nobody has shown to stand before the box." in whole["unproven"]
    assert "The new password is set." in whole["pressed"]
    assert passwords.matches(whole["hash"], NEW)


def test_the_serial_console_says_and_does_the_same(whole: dict[str, Any]) -> None:
    assert LAST_WORDS in whole["serial"]
    assert "data     fine: it can be read" in whole["serial"]
    assert "The new password is set." in whole["serial password"]
    assert BY_SERIAL not in whole["serial password"]
    assert passwords.matches(whole["parts"].admin_hash(), BY_SERIAL)


def test_it_reboots_when_it_is_asked_to(whole: dict[str, Any]) -> None:
    assert "The box reboots" in whole["reboot"]
    assert whole["ended"] == 0


def test_without_its_disk_it_works_and_says_so(diskless: dict[str, Any]) -> None:
    assert "The boot order cannot be written" in diskless["overview"]
    assert "The disk is not there, or does not answer" in diskless["overview"]
    assert "The disk is not there, so there is nothing to install to." in diskless["install"]


def test_the_code_of_the_serial_console_sets_a_password(diskless: dict[str, Any]) -> None:
    assert "The new password is set." in diskless["password"]
    assert passwords.matches(diskless["parts"].admin_hash(), NEW)


def test_a_spoilt_nand_is_made_anew_with_its_volumes(diskless: dict[str, Any]) -> None:
    assert "The volume nand was made anew." in diskless["nand"]
    assert diskless["nand"].count("It can be read.") == 2
    assert diskless["parts"].drives["ubi"].read_bytes()[:4] == b"UBI#"


def test_the_boot_order_is_set_back(diskless: dict[str, Any]) -> None:
    assert "Order A B; attempts left A: 3, B: 3." in diskless["env"]
    assert diskless["parts"].variables()["BOOT_B_LEFT"] == "3"


def test_it_speaks_chinese(diskless: dict[str, Any]) -> None:
    assert "磁盘不存在" in diskless["chinese"]


def test_without_nand_and_configuration_the_code_lets_in(nandless: dict[str, Any]) -> None:
    assert "Somebody asked for it." in nandless["overview"]
    assert "There is no NAND flash, or it does not answer" in nandless["overview"]
    assert "The flash for the configuration is not there" in nandless["overview"]
    assert "The flash for the configuration is not there." in nandless["password"]


def test_a_new_disk_is_partitioned_and_gets_a_system(nandless: dict[str, Any], bundles: Bundles) -> None:
    assert "The volume disk was made anew." in nandless["disk"]
    assert "Version 1.1.0 is installed; the next start tries it." in nandless["installed"]
    slot, _ = nandless["parts"].written(bundles.image)
    assert nandless["parts"].variables()["BOOT_ORDER"].startswith(slot)
    assert media.find(nandless["parts"].drives["disk"], "data")[1] > 1 << 30


def test_the_image_is_the_same_every_time(folder: Path, image: Path, bundles: Bundles) -> None:
    again = folder / "again"
    again.mkdir()
    made = machine.build_image(again, bundles.ours.authority)
    assert made.read_bytes() == image.read_bytes()
    shutil.rmtree(again)
