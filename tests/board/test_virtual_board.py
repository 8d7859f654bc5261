"""The whole box on the virtual board: from power-on by U-Boot, a signed FIT and a verified root to its web console.

Everything is real but the processor and the chips: U-Boot, the kernel, systemd, UBI and UBIFS, RAUC's slots, the
runtime with its wheels for arm64. One board is switched on three times; each test looks at a part of that.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.board import boot_chain
from tests.board.live_board import PASSWORD, SLOW_S, STAGES, Live, config_in_nor, free_port
from tools.virtual_board import factory, media

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(boot_chain.NO_KERNEL), reason=boot_chain.NO_KERNEL)]

WAITING = ("mouthpiece-reboot.path", "mouthpiece-dead-man.timer", "mouthpiece-disk-life.timer")
TMP = "/tmp"  # noqa: S108  the board's


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("board")
    factory.assemble(folder, "ab")
    found: dict[str, Any] = {}
    first(folder, found)
    second(folder, found)
    altered(folder, found)
    return found


def first(folder: Path, found: dict[str, Any]) -> None:
    """A new box is switched on, looked at, set up; then its power is cut."""
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        found["stages"] = {stage: board.reaches(stage, timeout_s=SLOW_S) for stage in STAGES}
        found["stages"]["web console"] = board.serves(timeout_s=SLOW_S)
        found["root"] = board.shell("findmnt -no SOURCE,FSTYPE,OPTIONS /")
        found["written"] = board.shell("touch /usr/x || touch /etc/x || echo refused")
        places = ("/var", TMP, *(f"/var/lib/mouthpiece/{name}" for name in ("data", "nand/state", "nand/cache")))
        found["mounts"] = {place: board.shell(f"findmnt -no SOURCE,FSTYPE,OPTIONS {place}") for place in places}
        found["environment"] = board.shell("fw_printenv BOOT_ORDER BOOT_A_LEFT BOOT_B_LEFT").split()
        found["rauc"] = board.shell("mouthpiece update status")
        found["watchdog"] = board.shell("systemctl show --property RuntimeWatchdogUSec --value")
        found["failed"] = board.shell("systemctl --failed --no-legend --plain")
        found["enabled"] = board.shell(f"systemctl is-active {' '.join(WAITING)}").split()
        found["nvmes"] = board.shell("cat /run/mouthpiece-disk-life/nvme.json")
        board.set_up(PASSWORD)
        found["version"] = board.fetch("/api/v1/updates")
        board.shell("echo kept > /var/lib/mouthpiece/data/kept; sync")
        found["marked"] = board.shell("mouthpiece update mark-good; fw_printenv BOOT_A_LEFT")
    found["stored config"] = config_in_nor(folder)
    chips = (folder / factory.CHIPS[0], folder / factory.CHIPS[1])
    found["copies"] = [boot_chain.unpacked(media.read_nor(chips, name)) for name in boot_chain.ENVIRONMENTS]


def second(folder: Path, found: dict[str, Any]) -> None:
    """It is switched on again."""
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        board.serves(timeout_s=SLOW_S)
        found["kept"] = board.shell("cat /var/lib/mouthpiece/data/kept")
        board.log_in(PASSWORD)
        found["again"] = board.shell("fw_printenv BOOT_A_LEFT")


def altered(folder: Path, found: dict[str, Any]) -> None:
    """One bit of slot A's root is flipped."""
    start, _ = media.find(folder / factory.DISK, "root-a")
    with (folder / factory.DISK).open("r+b") as disk:
        disk.seek(start + 100)
        byte = disk.read(1)[0]
        disk.seek(start + 100)
        disk.write(bytes([byte ^ 1]))
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        board.waits_for(r"^The root of slot B is opened", timeout_s=SLOW_S)
        board.reaches("systemd", timeout_s=SLOW_S)
        found["altered"] = [line for line in board.lines() if "opened" in line or line.startswith("Slot ")]


def test_it_starts_from_power_on_to_the_web_console(facts: dict[str, Any], bare: dict[str, float]) -> None:
    """Prints when each stage begins, beside the same kernel and systemd without boot loader, verity and box."""
    stages = facts["stages"]
    for stage, seconds in stages.items():
        print(f"{stage:<12} {seconds:7.1f} s   {f'{bare[stage]:7.1f} s' if stage in bare else ''}")
    assert list(stages.values()) == sorted(stages.values())


def test_its_root_is_verified_and_read_only(facts: dict[str, Any]) -> None:
    source, kind, options = facts["root"].split()
    assert (source, kind) == ("/dev/mapper/root", "squashfs") or source == "/dev/dm-0"
    assert "ro" in options.split(",")
    assert facts["written"].endswith("refused")


def test_what_is_writable_is_memory_and_the_boxs_volumes(facts: dict[str, Any]) -> None:
    mounts = {place: said.split() for place, said in facts["mounts"].items()}
    assert {place: said[1] for place, said in mounts.items()} == {
        "/var": "tmpfs",
        TMP: "tmpfs",
        "/var/lib/mouthpiece/data": "ext4",
        "/var/lib/mouthpiece/nand/state": "ubifs",
        "/var/lib/mouthpiece/nand/cache": "ubifs",
    }
    assert "compr=zstd" in mounts["/var/lib/mouthpiece/nand/state"][2]
    assert "compr=none" in mounts["/var/lib/mouthpiece/nand/cache"][2]


def test_linux_and_rauc_read_what_u_boot_counts(facts: dict[str, Any]) -> None:
    assert facts["environment"] == ["BOOT_ORDER=A", "B", "BOOT_A_LEFT=2", "BOOT_B_LEFT=3"]
    assert facts["rauc"].splitlines()[0] == "mouthpiece-qemuarm64 runs version 0.1.0 from rootfs.0"
    assert facts["marked"].endswith("BOOT_A_LEFT=3")
    assert facts["again"] == "BOOT_A_LEFT=2"


def test_linux_leaves_both_copies_of_the_environment_whole(facts: dict[str, Any]) -> None:
    """It wrote the one and then retired the other, by a write of one byte."""
    assert all(facts["copies"])
    assert "3" in [copy["BOOT_A_LEFT"] for copy in facts["copies"]]


def test_process_1_feeds_the_watchdog(facts: dict[str, Any]) -> None:
    """The board has been on for longer than the watchdog waits."""
    assert facts["watchdog"] == "30s"
    assert facts["stages"]["web console"] > 0


def test_no_unit_failed_and_those_that_wait_are_there(facts: dict[str, Any]) -> None:
    assert facts["failed"] == ""
    assert facts["enabled"] == ["active"] * len(WAITING)


def test_nvme_controllers_were_asked_and_there_are_none(facts: dict[str, Any]) -> None:
    assert json.loads(facts["nvmes"])["nvmes"] == {}


def test_what_is_set_up_outlives_the_power(facts: dict[str, Any]) -> None:
    assert facts["stored config"]["settings"] == {"lan": True, "https_port": 443}
    assert facts["stored config"]["admin"]
    assert facts["kept"] == "kept"


def test_an_altered_root_is_not_run_and_the_other_slot_takes_over(facts: dict[str, Any]) -> None:
    # Of its three attempts the boot before took one.
    tried = [line[:6] for line in facts["altered"] if line.startswith("Slot")]
    assert tried == ["Slot A", "Slot A", "Slot B"]
    assert facts["altered"][-1] == "The root of slot B is opened"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    """The stages of the same kernel and systemd on the same root: no boot loader, no verity, nothing of ours."""
    folder = tmp_path_factory.mktemp("bare")
    factory.assemble(folder)
    ours = (
        "mouthpiece.service",
        "mouthpiece-first-start.service",
        "mouthpiece-volumes.service",
        "var-lib-mouthpiece-data.mount",
    )
    arguments = "console=ttyAMA0,115200 root=PARTLABEL=root-a rootfstype=squashfs ro "
    arguments += " ".join(f"systemd.mask={name}" for name in ours)
    machine = factory.bare_machine(folder, arguments)
    with Live(machine, folder / "console") as board:
        return {stage: board.reaches(stage, timeout_s=SLOW_S) for stage in ("systemd", "multi-user")}
