"""How recovery is asked for, and learns why it runs. Files stand for the variables of NVIDIA's firmware."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tools.recovery_image.contents import ROOT

SCRIPT = ROOT / "rootfs-overlay/usr/lib/mouthpiece/recovery"
VENDOR = "781e084c-a330-417c-b678-38e696380cb9"

pytestmark = pytest.mark.skipif(not shutil.which("hexdump"), reason="hexdump is not installed")


class Firmware:
    """Its variables as the kernel shows them: attributes 7, a byte that counts, three that are 0."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.partition = folder / "partition"
        self.partition.write_bytes(b"ANDROID!" + bytes(504))
        self.write("L4TDefaultBootMode", 1)
        self.write("RootfsStatusSlotA", 0)
        self.write("RootfsStatusSlotB", 0)

    def file(self, name: str) -> Path:
        return self.folder / f"{name}-{VENDOR}"

    def write(self, name: str, value: int) -> None:
        self.file(name).write_bytes(bytes([7, 0, 0, 0, value, 0, 0, 0]))

    def starts(self) -> bytes:
        return self.file("L4TDefaultBootMode").read_bytes()

    def run(self, request: str) -> tuple[int, str]:
        places = {"EFIVARS": self.folder, "RECOVERY_PARTITION": self.partition, "FW_ENV_CONFIG": self.folder / "none"}
        environment = {"PATH": os.environ["PATH"]} | {name: str(path) for name, path in places.items()}
        done = subprocess.run(["sh", SCRIPT, request], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip() or done.stderr.strip()


@pytest.fixture
def firmware(tmp_path: Path) -> Firmware:
    return Firmware(tmp_path)


def test_a_wish_counts_once_with_simulated_efivars(firmware: Firmware) -> None:
    before = firmware.starts()
    assert firmware.run("ask") == (0, "")
    assert firmware.starts() == bytes([7, 0, 0, 0, 3, 0, 0, 0])
    assert firmware.run("why") == (0, "asked")
    assert firmware.starts() == before
    assert firmware.run("why") == (0, "")


def test_no_slot_is_left_when_the_firmware_gave_up_both_with_simulated_efivars(firmware: Firmware) -> None:
    firmware.write("RootfsStatusSlotA", 255)
    assert firmware.run("why") == (0, "")
    firmware.write("RootfsStatusSlotB", 255)
    assert firmware.run("why") == (0, "no-slot")


def test_nobody_is_sent_to_a_recovery_that_is_not_there_with_simulated_efivars(firmware: Firmware) -> None:
    firmware.partition.write_bytes(bytes(512))
    status, said = firmware.run("ask")
    assert (status, said) == (1, f"recovery: {firmware.partition} has no recovery system")
    firmware.partition.unlink()
    assert firmware.run("ask")[0] == 1
    assert firmware.starts()[4] == 1


def test_a_variable_that_was_never_written_is_made_with_simulated_efivars(firmware: Firmware) -> None:
    firmware.file("L4TDefaultBootMode").unlink()
    assert firmware.run("why") == (0, "")
    assert firmware.run("ask") == (0, "")
    assert firmware.starts()[4] == 3


def test_a_machine_without_such_firmware_says_so(firmware: Firmware) -> None:
    for name in ("L4TDefaultBootMode", "RootfsStatusSlotA", "RootfsStatusSlotB"):
        firmware.file(name).unlink()
    assert firmware.run("why") == (0, "")
    assert firmware.run("ask") == (1, "recovery: the boot loader of this machine starts no recovery")


@pytest.mark.parametrize("request_", ["", "now"])
def test_another_request_is_refused(firmware: Firmware, request_: str) -> None:
    assert firmware.run(request_) == (1, f"recovery: '{request_}' is no request")


def test_u_boot_is_asked_through_its_environment_with_simulated_fw_setenv(tmp_path: Path) -> None:
    """The real one is on the virtual board: tests/board/test_yocto_images.py."""
    tool = tmp_path / "bin/fw_setenv"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\necho "$*"\n')
    tool.chmod(0o755)
    config = tmp_path / "fw_env.config"
    config.touch()
    environment = {"PATH": f"{tool.parent}:{os.environ['PATH']}", "FW_ENV_CONFIG": str(config)}
    command = ["sh", str(SCRIPT), "ask"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "BOOT_RECOVERY 1\n"
