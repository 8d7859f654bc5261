"""The boot script on the virtual board: whatever is broken, it ends in a system or recovery, not in a loop or prompt.

U-Boot, its flash, disk and watchdog are real; the systems that it starts are payloads of a few instructions.
`Box.run` returns only when the board has switched itself off: a loop or a prompt is a `TimeoutError`.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.board import boot_chain
from tests.board.boot_chain import ACTIVE, ENVIRONMENTS, OBSOLETE, Box, Systems, packed
from tools.virtual_board import board, media

pytestmark = pytest.mark.skipif(bool(boot_chain.missing()), reason=boot_chain.missing())

NO_SLOT = "recovery:no-slot"
TRIES_DISK = "Recovery cannot be started from the NOR: trying the disk"


def altered(image: Path, folder: Path, what: bytes) -> Path:
    """The image with one bit of `what` flipped."""
    content = bytearray(image.read_bytes())
    content[content.index(what)] ^= 1
    target = folder / "altered.fit"
    target.write_bytes(content)
    return target


def test_a_new_box_starts_the_first_slot_and_writes_the_attempt_down(box: Callable[..., Box]) -> None:
    new = box()
    assert new.run().started == ["A"]
    stored = new.stored()
    assert {name: stored[name] for name in ("BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT")} == {
        "BOOT_ORDER": "A B",
        "BOOT_A_LEFT": "2",
        "BOOT_B_LEFT": "3",
    }


def test_systems_that_never_come_up_get_three_tries_each_and_then_recovery_starts(
    box: Callable[..., Box], systems: Systems
) -> None:
    broken = box(a=systems.reset, b=systems.reset)
    boots = broken.run()
    assert boots.started == ["A", "A", "A", "B", "B", "B", NO_SLOT]
    assert boots.resets == 6
    # And it stays there: nothing gives the slots new attempts but whoever repairs them.
    assert broken.run().started == [NO_SLOT]


def test_a_system_that_hangs_is_reset_by_the_watchdog(box: Callable[..., Box], systems: Systems) -> None:
    assert box(a=systems.hang).run(instant=True).started == ["A", "A", "A", "B"]


def test_the_order_is_kept(box: Callable[..., Box], systems: Systems) -> None:
    variables = {"BOOT_ORDER": "B A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "1"}
    assert box(variables, b=systems.reset).run().started == ["B", "A"]


def test_a_slot_marked_bad_is_not_tried(box: Callable[..., Box]) -> None:
    marked = box({"BOOT_ORDER": "A B", "BOOT_A_LEFT": "0", "BOOT_B_LEFT": "3"})
    assert marked.run().started == ["B"]
    assert marked.stored()["BOOT_A_LEFT"] == "0"


def test_a_slot_marked_good_has_all_its_attempts_again(box: Callable[..., Box], systems: Systems) -> None:
    tried = box({"BOOT_A_LEFT": "1"}, a=systems.reset)
    assert tried.run().started == ["A", "B"]
    environment = {"env": packed({**tried.stored(), "BOOT_A_LEFT": "3"})}
    assert box(a=systems.reset, environment=environment).run().started == ["A", "A", "A", "B"]


@pytest.mark.parametrize(
    ("variables", "started"),
    [
        ({"BOOT_ORDER": "C D"}, ["A"]),
        ({"BOOT_ORDER": "C B"}, ["B"]),
        ({"BOOT_ORDER": "A; poweroff"}, ["A"]),
        ({"BOOT_A_LEFT": "many"}, ["A"]),
        ({"BOOT_A_LEFT": "-1"}, ["A"]),
        ({}, ["A"]),
    ],
)
def test_nonsense_in_the_environment_does_not_keep_it_from_booting(
    box: Callable[..., Box], variables: dict[str, str], started: list[str]
) -> None:
    assert box(variables).run().started == started


def test_no_slot_gets_more_than_three_attempts_whatever_is_stored(box: Callable[..., Box], systems: Systems) -> None:
    assert box({"BOOT_A_LEFT": "99"}, a=systems.reset).run().started == ["A", "A", "A", "B"]


@pytest.mark.parametrize("damaged", ENVIRONMENTS)
@pytest.mark.parametrize("damage", ["erased", "flipped", "torn"])
def test_with_one_copy_of_the_environment_damaged_the_other_counts(
    box: Callable[..., Box], damaged: str, damage: str
) -> None:
    good = packed({"BOOT_ORDER": "B A", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "2"})
    # Newer, and as it would be if the write had been interrupted, or if a bit had not lasted.
    wrong = bytearray(packed({"BOOT_ORDER": "A B", "BOOT_A_LEFT": "3", "BOOT_B_LEFT": "1"}))
    if damage == "erased":
        wrong[:] = b"\xff" * len(wrong)
    elif damage == "flipped":
        wrong[40] ^= 4
    else:
        wrong[30:] = b"\xff" * (len(wrong) - 30)
    other = next(name for name in ENVIRONMENTS if name != damaged)
    hurt = box(environment={damaged: bytes(wrong), other: good})
    assert hurt.run().started == ["B"]
    assert hurt.stored()["BOOT_B_LEFT"] == "1"


def test_with_both_copies_damaged_it_starts_as_if_new(box: Callable[..., Box]) -> None:
    environment = dict.fromkeys(ENVIRONMENTS, b"\x5a" * board.nor_partition("env").size)
    hurt = box(environment=environment)
    assert hurt.run().started == ["A"]
    assert hurt.stored()["BOOT_A_LEFT"] == "2"


def test_power_that_failed_between_writing_one_copy_and_retiring_the_other_costs_nothing(
    box: Callable[..., Box],
) -> None:
    old, new = ({"BOOT_ORDER": "B A", "BOOT_B_LEFT": left} for left in ("2", "1"))
    assert box(environment={"env": packed(old), "env-redundant": packed(new)}).run().started == ["B"]


def test_of_two_good_copies_the_active_one_counts(box: Callable[..., Box]) -> None:
    old, new = packed({"BOOT_ORDER": "A B"}, flag=OBSOLETE), packed({"BOOT_ORDER": "B A"}, flag=ACTIVE)
    assert box(environment={"env": old, "env-redundant": new}).run().started == ["B"]


def test_an_environment_that_cannot_be_written_ends_in_recovery_that_says_so(box: Callable[..., Box]) -> None:
    boots = box({"BOOT_ORDER": "A B"}).run(flash_worn_out=True)
    assert (boots.started, boots.resets) == (["recovery:environment"], 0)


@pytest.mark.parametrize("part", ["kernel", "device tree", "initramfs", "signature"])
def test_an_altered_image_is_refused_and_the_other_slot_starts_at_once(
    box: Callable[..., Box], systems: Systems, tmp_path: Path, part: str
) -> None:
    what = {
        "kernel": (systems.folder / "off.bin").read_bytes()[0x1000:],
        "device tree": b"linux,dummy-virt",
        "initramfs": (systems.folder / "initramfs").read_bytes(),
        "signature": b"key-name-hint",
    }[part]
    hurt = box(a=altered(systems.off, tmp_path, what))
    boots = hurt.run()
    assert (boots.started, boots.resets) == (["B"], 0)
    assert hurt.stored()["BOOT_A_LEFT"] == "2"


def test_an_image_signed_with_another_key_is_refused(box: Callable[..., Box], systems: Systems) -> None:
    foreign = systems.image("off", systems.foreign_keys, "foreign")
    assert box(a=foreign, b=foreign).run().started == [NO_SLOT]


def test_an_image_without_a_signature_is_refused(box: Callable[..., Box], systems: Systems, tmp_path: Path) -> None:
    unsigned = tmp_path / "unsigned.fit"
    shutil.copy(systems.off, unsigned)
    subprocess.run(["fdtput", "-r", str(unsigned), "/configurations/box/signature-1"], check=True)
    assert box(a=unsigned, b=unsigned).run().started == [NO_SLOT]


@pytest.mark.parametrize(
    "content", [None, b"\0" * 4096, b"\xd0\x0d\xfe\xed" + b"\xff" * 4092, b"\xd0\x0d\xfe\xed\0\0\0\x28"]
)
def test_a_slot_without_a_whole_image_is_passed_over(
    box: Callable[..., Box], tmp_path: Path, content: bytes | None
) -> None:
    image = None
    if content is not None:
        image = tmp_path / "rubbish"
        image.write_bytes(content)
    boots = box(a=image).run()
    assert (boots.started, boots.resets) == (["B"], 0)


def test_an_image_that_is_cut_short_is_refused(box: Callable[..., Box], systems: Systems, tmp_path: Path) -> None:
    cut = tmp_path / "cut.fit"
    cut.write_bytes(systems.off.read_bytes()[:-600])
    assert box(a=cut).run().started == ["B"]


@pytest.mark.parametrize("disk", ["absent", "blank", "rubbish"])
def test_without_a_disk_recovery_starts(box: Callable[..., Box], disk: str) -> None:
    without = box(a=None, b=None)
    if disk != "absent":
        size = without.disk.stat().st_size
        without.disk.write_bytes(b"\0" if disk == "blank" else b"\x5a" * 65536)
        with without.disk.open("r+b") as file:
            file.truncate(size)
    boots = without.run(disk=disk != "absent")
    assert (boots.started, boots.resets) == ([NO_SLOT], 0)


def test_recovery_starts_once_when_asked_for(box: Callable[..., Box]) -> None:
    asked = box({"BOOT_RECOVERY": "1"})
    assert asked.run().started == ["recovery:asked"]
    assert asked.run().started == ["A"]


def test_a_slot_starts_when_the_recovery_that_was_asked_for_is_damaged(
    box: Callable[..., Box], systems: Systems, tmp_path: Path
) -> None:
    damaged = altered(systems.off, tmp_path, b"linux,dummy-virt")
    assert box({"BOOT_RECOVERY": "1"}, recovery=damaged).run().started == ["A"]


@pytest.mark.parametrize("nors", ["absent", "longer than the NOR", "cut short", "altered", "signed with another key"])
def test_where_the_nors_recovery_is_unfit_the_disks_starts(
    box: Callable[..., Box], systems: Systems, tmp_path: Path, nors: str
) -> None:
    recovery = tmp_path / "recovery.fit"
    if nors == "absent":
        recovery.write_bytes(b"")
    elif nors == "longer than the NOR":
        recovery.write_bytes(b"\xd0\x0d\xfe\xed" + b"\xff" * 4092)
    elif nors == "cut short":
        recovery.write_bytes(systems.off.read_bytes()[:-600])
    elif nors == "altered":
        recovery = altered(systems.off, tmp_path, b"linux,dummy-virt")
    else:
        recovery = systems.image("off", systems.foreign_keys, "foreign")
    boots = box(a=None, b=None, recovery=recovery, disks_recovery=systems.off).run()
    assert (boots.started, boots.resets) == ([NO_SLOT], 0)
    assert TRIES_DISK in boots.console


def test_recovery_comes_from_the_nor_while_it_can(box: Callable[..., Box], systems: Systems) -> None:
    boots = box(a=None, b=None, disks_recovery=systems.off).run()
    assert boots.started == [NO_SLOT]
    assert TRIES_DISK not in boots.console


def test_the_disks_recovery_starts_once_when_asked_for(box: Callable[..., Box], systems: Systems) -> None:
    asked = box({"BOOT_RECOVERY": "1"}, recovery=None, disks_recovery=systems.off)
    assert asked.run().started == ["recovery:asked"]
    assert asked.run().started == ["A"]


@pytest.mark.parametrize("disks", ["absent", "altered"])
def test_when_nothing_can_be_started_the_board_switches_off(
    box: Callable[..., Box], systems: Systems, tmp_path: Path, disks: str
) -> None:
    damaged = altered(systems.off, tmp_path, b"linux,dummy-virt")
    boots = box(a=None, b=None, recovery=damaged, disks_recovery=None if disks == "absent" else damaged).run()
    assert (boots.started, boots.resets) == ([], 0)
    assert "switching off" in boots.console


def test_what_is_stored_changes_neither_the_script_nor_what_is_verified(
    box: Callable[..., Box], systems: Systems
) -> None:
    planted = {
        "bootcmd": "echo planted; poweroff",
        "bootdelay": "30",
        "bootargs": "init=/bin/sh",
        "board_bootargs": "init=/bin/sh",
        "start_slot": "echo planted",
        "verify": "no",
        "BOOT_B_LEFT": "3",
    }
    foreign = systems.image("off", systems.foreign_keys, "foreign")
    boots = box(planted, a=foreign).run()
    assert boots.started == ["B"]
    assert "planted" not in boots.console
    assert "init=" not in boots.console


def test_no_key_stops_the_boot(box: Callable[..., Box]) -> None:
    boots = box().run(typed=b"\x03 \r\n" * 200)
    assert boots.started == ["A"]
    assert "=>" not in boots.console


@pytest.mark.skipif(shutil.which("fw_printenv") is None, reason="libubootenv-tool is not installed")
def test_linux_reads_the_environment_that_u_boot_wrote(box: Callable[..., Box], tmp_path: Path) -> None:
    new = box()
    new.run()
    config = tmp_path / "fw_env.config"
    lines = []
    for name in ENVIRONMENTS:
        (tmp_path / name).write_bytes(media.read_nor(new.chips, name))
        lines.append(f"{tmp_path / name} 0x0 {board.nor_partition(name).size:#x}\n")
    config.write_text("".join(lines))
    shown = subprocess.run(["fw_printenv", "-c", str(config)], check=True, capture_output=True, text=True).stdout
    assert {"BOOT_ORDER=A B", "BOOT_A_LEFT=2", "BOOT_B_LEFT=3"} <= set(shown.splitlines())
