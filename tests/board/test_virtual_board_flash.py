"""Misfortunes of flash and disk that do not keep the virtual board from starting, saying what is wrong, and serving.

A box is set up once; each misfortune happens to a copy of it. Bad blocks and wear are the kernel's own simulated NAND's
(nandsim), which a power cut empties; the NAND that is worn out from power-on is a disk that refuses every write.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from pathlib import Path
from typing import Any, Final

import pytest

from tests.board import boot_chain
from tests.board.live_board import PASSWORD, SERIAL_SHELL, SLOW_S, Live, copy, free_port
from tools.virtual_board import board as facts_of
from tools.virtual_board import factory, media
from tools.virtual_board.machine import Machine

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(boot_chain.NO_KERNEL), reason=boot_chain.NO_KERNEL)]

BOX: Final = "/var/lib/mouthpiece"
BAD: Final = (7, 300, 1000)
WEAK: Final = ",".join(f"{block}:1" for block in range(1800, 2000, 2))
"""Blocks that UBI can erase once, when it attaches a new chip, and then never again: more than twice as many as it has
spare, and of those that it takes first, which are the last."""
COUNT: Final = "cat /sys/class/ubi/ubi0/bad_peb_count"
WEAR: Final = f"""until [ $(cat /sys/class/ubi/ubi0/ro_mode) = 1 ]; do
    dd if=/dev/zero of={BOX}/nand/cache/wear bs=1M count=64; sync; rm -f {BOX}/nand/cache/wear; sync
done; true"""


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A box that was set up."""
    folder = tmp_path_factory.mktemp("healthy")
    factory.assemble(folder)
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.set_up(PASSWORD)
    return folder


@pytest.fixture
def machine(healthy: Path, tmp_path: Path) -> Machine:
    """A copy."""
    copy(healthy, tmp_path)
    return factory.machine(tmp_path, free_port())


@pytest.fixture(scope="module")
def worn(healthy: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A box whose NAND has bad blocks from the factory, and is then worn out under it."""
    folder = tmp_path_factory.mktemp("worn")
    copy(healthy, folder)
    options = folder / "nandsim"
    options.write_bytes(f"badblocks={','.join(map(str, BAD))} weakblocks={WEAK}\n".encode().ljust(4096, b"\0"))
    machine = dataclasses.replace(factory.machine(folder, free_port()), nand=None, nandsim=options)
    with Live(machine, folder / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.log_in(PASSWORD)
        new = {"mounted": mounted(board), "bad": board.shell(COUNT)}
        board.shell(WEAR, timeout_s=SLOW_S)
        found: dict[str, Any] = {"new": new, "bad": board.shell(COUNT)}
        found["said"] = comes_to_say(board, "wear", "ubi0 has become read-only")
        found["mounts"] = comes_to_say(board, "volumes", "nand/state is mounted read-only")
        return found


def mounted(board: Live) -> list[str]:
    """The file systems of the volumes: data, state, cache."""
    names = f"{BOX}/data {BOX}/nand/state {BOX}/nand/cache"
    return board.shell(f"for place in {names}; do findmnt -no FSTYPE --target $place; done").split()


def complaints(board: Live) -> dict[str, list[str]]:
    """What the health checks complained about last, by check, as the web console tells its owner."""
    said: dict[str, list[str]] = {}
    for finding in board.fetch("/api/v1/health", timeout_s=SLOW_S)["findings"]:
        if finding["status"] != "ok":
            said.setdefault(finding["check"], []).append(finding["message"])
    return said


def comes_to_say(board: Live, check: str, words: str) -> bool:
    """Whether a check says so in time; they look once a minute."""
    deadline = time.monotonic() + SLOW_S
    while time.monotonic() < deadline:
        # The supervisor may be too busy to answer, on a processor that is emulated.
        with contextlib.suppress(AssertionError):
            if any(words in message for message in complaints(board).get(check, [])):
                return True
        time.sleep(2)
    return False


def damage(folder: Path, name: str) -> None:
    """Write nonsense all over a partition of the NOR."""
    partition = facts_of.nor_partition(name)
    chip, offset = divmod(partition.offset, facts_of.nor_size() // media.CHIPS)
    with (folder / factory.CHIPS[chip]).open("r+b") as file:
        file.seek(offset)
        file.write(b"\x5a" * partition.size)


@pytest.mark.parametrize("name", boot_chain.ENVIRONMENTS)
def test_with_one_copy_of_the_environment_damaged_the_other_serves(machine: Machine, tmp_path: Path, name: str) -> None:
    with Live(machine, tmp_path / "console") as board:
        board.reaches("kernel", timeout_s=SLOW_S)  # the second time that U-Boot wrote, so both copies are whole
    copies = {one: boot_chain.unpacked(media.read_nor(machine.chips, one)) or {} for one in boot_chain.ENVIRONMENTS}
    assert all(copies.values())
    (other,) = copies.keys() - {name}
    damage(tmp_path, name)
    with Live(machine, tmp_path / "console") as board:
        board.waits_for(f"^Slot A, {int(copies[other]['BOOT_A_LEFT']) - 1} attempts left", timeout_s=SLOW_S)
        board.serves(timeout_s=SLOW_S)
        board.log_in(PASSWORD)


def test_without_environment_and_nand_it_serves_and_says_so(machine: Machine, tmp_path: Path) -> None:
    for name in boot_chain.ENVIRONMENTS:
        damage(tmp_path, name)
    with Live(dataclasses.replace(machine, nand=None), tmp_path / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.log_in(PASSWORD)
        assert board.shell("fw_printenv -n BOOT_A_LEFT") == "2"
        assert mounted(board) == ["ext4", "ext4", "ext4"]
        assert comes_to_say(board, "volumes", "there is no NAND")


def test_without_a_slot_and_the_nors_recovery_the_disks_serves(machine: Machine, tmp_path: Path) -> None:
    damage(tmp_path, "recovery")
    media.remove(tmp_path / factory.DISK, "boot-a")  # the other slot is empty
    with Live(machine, tmp_path / "console") as board:
        board.waits_for("^Recovery cannot be started from the NOR: trying the disk", timeout_s=SLOW_S)
        board.waits_for(r"mouthpiece\.recovery=no-slot", timeout_s=SLOW_S)
        board.serves(timeout_s=SLOW_S)


def test_bad_blocks_of_the_nand_are_passed_over(worn: dict[str, Any]) -> None:
    assert worn["new"]["mounted"] == ["ext4", "ubifs", "ubifs"]
    assert worn["new"]["bad"] == str(len(BAD))


def test_a_nand_that_wears_out_becomes_read_only_and_the_box_says_so_and_serves(worn: dict[str, Any]) -> None:
    assert int(worn["bad"]) > len(BAD) + 20
    assert worn["said"]
    assert worn["mounts"]


def test_a_nand_that_refuses_every_write_from_power_on_is_said_and_it_serves(machine: Machine, tmp_path: Path) -> None:
    with Live(dataclasses.replace(machine, nand_worn_out=True), tmp_path / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.log_in(PASSWORD)
        assert comes_to_say(board, "volumes", "nand/state")


def test_with_its_data_disk_full_it_starts_says_so_and_serves(machine: Machine, tmp_path: Path) -> None:
    with Live(machine, tmp_path / "console") as board:
        board.waits_for(SERIAL_SHELL, timeout_s=SLOW_S)
        full = f"df --output=avail -B1 {BOX}/data | tail -n 1"
        board.shell(f"fallocate -l $({full}) {BOX}/data/full; dd if=/dev/zero of={BOX}/data/rest bs=64k || sync")
        assert int(board.shell(full)) == 0
    with Live(machine, tmp_path / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.log_in(PASSWORD)
        assert comes_to_say(board, "disk space", "data: 0 MiB free")


def test_without_its_data_disk_it_starts_says_so_and_serves(machine: Machine, tmp_path: Path) -> None:
    media.remove(tmp_path / factory.DISK, "data")
    with Live(machine, tmp_path / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.log_in(PASSWORD)
        assert mounted(board) == ["tmpfs", "ubifs", "ubifs"]
        assert comes_to_say(board, "volumes", "the data disk is missing")
