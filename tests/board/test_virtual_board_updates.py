"""An update of the virtual board by real RAUC and U-Boot: a signed bundle, a reboot, health, and what fails on the way.

One board is taken through its life; each test looks at a part of it. What RAUC refuses is in `test_updates.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.board import boot_chain
from tests.board.live_board import Live, free_port
from tools.virtual_board import board as facts_of
from tools.virtual_board import factory, linux, media, system

REASON = boot_chain.missing() or ("" if linux.place().exists() else "the kernel is not built: make test-board-full")
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(REASON), reason=REASON)]

SLOW_S = 600.0
HEALTHY_S = 900.0
"""For five minutes of health, after a start on an emulated processor."""
PASSWORD = "correct horse battery"  # noqa: S105
NEW, DEAD = "0.2.0", "0.3.0"
NOTHING = {"usr/lib/systemd/systemd": ""}
"""A system whose process 1 is no program."""


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """From the factory with slot A alone, by an update to B, past one to A that does not start, to the loss of both."""
    folder = tmp_path_factory.mktemp("updates")
    factory.assemble(folder)
    bundles = {}
    for version, extra in ((NEW, None), (DEAD, NOTHING)):
        bundles[version] = folder / f"{version}.raucb"
        system.bundle(system.build(version, extra), bundles[version])
    found: dict[str, Any] = {}
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.set_up(PASSWORD)
        found["installed"] = install(board, bundles[NEW])
        found["primary"] = board.fetch("/api/v1/updates")["primary"]
        restart(board)
        found["on trial"] = board.fetch("/api/v1/updates")
        found["left on trial"] = board.shell("fw_printenv -n BOOT_B_LEFT")
        until(lambda: board.fetch("/api/v1/updates")["trial"] is None, "the new system is confirmed", HEALTHY_S)
        found["confirmed"] = board.fetch("/api/v1/updates")
        found["left confirmed"] = board.shell("fw_printenv -n BOOT_B_LEFT")
        found["second"] = install(board, bundles[DEAD])
        seen = board.seen()
        restart(board)
        found["tried"] = [line.split(",")[0] for line in board.lines(seen) if line.startswith("Slot ")]
        found["panics"] = sum("Kernel panic" in line for line in board.lines(seen))
        until(lambda: history(board)[-1][0] == "rolled back", "the failure is noted", SLOW_S)
        found["back"] = board.fetch("/api/v1/updates")
    for name in ("boot-a", "root-a", "boot-b", "root-b"):
        wipe(folder / factory.DISK, name)
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        found["recovery"] = board.waits_for(r"mouthpiece\.recovery=\S+", timeout_s=SLOW_S)[1]
        board.serves(timeout_s=SLOW_S, path="/")
        found["recovery's page"] = board.fetch("/")
    return found


def install(board: Live, bundle: Path) -> dict[str, Any]:
    """Upload a bundle to the web console and wait for what comes of it."""
    began = board.now()
    board.fetch(f"/api/v1/updates/bundle?name={bundle.name}", file=bundle, timeout_s=SLOW_S)
    uploaded = board.now()

    def errand() -> dict[str, Any]:
        found: dict[str, Any] = board.fetch("/api/v1/updates")["errand"]
        return found

    until(lambda: errand()["state"] != "running", "the bundle is installed", SLOW_S)
    return {**errand(), "upload_s": uploaded - began, "install_s": board.now() - uploaded}


def restart(board: Live) -> None:
    """As the operator asks for it; until the console answers again."""
    since = board.seen()
    board.fetch("/api/v1/updates/reboot", given={})
    board.waits_for("^U-Boot 20", timeout_s=SLOW_S, since=since)
    board.waits_for(r"Reached target .*multi-user\.target", timeout_s=SLOW_S, since=board.seen())
    board.left_shell()
    board.serves(timeout_s=SLOW_S)
    board.log_in(PASSWORD)


def history(board: Live) -> list[tuple[str, str]]:
    return [(event["event"], event["version"]) for event in board.fetch("/api/v1/updates")["history"]]


def until(condition: Callable[[], bool], what: str, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {timeout_s:.0f} s: {what}")
        time.sleep(2)


def wipe(disk: Path, name: str) -> None:
    """Destroy the beginning of a partition."""
    start, _ = media.find(disk, name)
    with disk.open("r+b") as file:
        file.seek(start)
        file.write(b"\x5a" * (1 << 20))


def test_a_signed_bundle_is_installed_to_the_other_slot(life: dict[str, Any]) -> None:
    print({name: round(life["installed"][name]) for name in ("upload_s", "install_s")})
    assert life["installed"]["state"] == "done", life["installed"]
    assert life["primary"] == "rootfs.1"


def test_the_new_system_runs_on_trial_and_is_confirmed_late(life: dict[str, Any]) -> None:
    assert (life["on trial"]["version"], life["on trial"]["booted"], life["on trial"]["trial"]) == (
        NEW,
        "rootfs.1",
        NEW,
    )
    assert (life["left on trial"], life["left confirmed"]) == ("2", "3")
    assert life["confirmed"]["history"][-1]["event"] == "confirmed"


def test_a_system_that_does_not_come_up_is_tried_three_times_and_rolled_back(life: dict[str, Any]) -> None:
    assert life["second"]["state"] == "done", life["second"]
    assert life["tried"] == ["Slot A", "Slot A", "Slot A", "Slot B"]
    assert life["panics"] == 3
    assert (life["back"]["version"], life["back"]["booted"]) == (NEW, "rootfs.1")
    assert life["back"]["history"][-1]["reason"] == "it did not start"


def test_with_both_slots_destroyed_recovery_starts(life: dict[str, Any]) -> None:
    assert "mouthpiece.recovery=no-slot" in life["recovery"]
    assert "<html" in life["recovery's page"]


def test_misfortunes_of_the_flash_do_not_keep_it_from_serving(tmp_path: Path) -> None:
    """The environment is erased; the NAND is gone; then the data partition is, too."""
    factory.assemble(tmp_path)
    for name in ("env", "env-redundant"):
        partition = facts_of.nor_partition(name)
        chip, offset = divmod(partition.offset, facts_of.nor_size() // media.CHIPS)
        with (tmp_path / factory.CHIPS[chip]).open("r+b") as file:
            file.seek(offset)
            file.write(b"\x5a" * partition.size)
    machine = factory.machine(tmp_path, free_port(), nand=False)
    with Live(machine, tmp_path / "console") as board:
        board.serves(timeout_s=SLOW_S)
        assert board.shell("findmnt -no FSTYPE /var/lib/mouthpiece/nand/state") == "ext4"
        assert "there is no NAND" in board.shell("journalctl --no-pager -u mouthpiece-volumes.service")
        assert board.shell("fw_printenv -n BOOT_A_LEFT") == "2"
    media.remove(tmp_path / factory.DISK, "data")
    with Live(machine, tmp_path / "console") as board:
        board.serves(timeout_s=SLOW_S)
        assert board.shell("findmnt -no FSTYPE --target /var/lib/mouthpiece/data") == "tmpfs"
