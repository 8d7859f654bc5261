"""An update of the virtual board by real RAUC and U-Boot: a signed bundle, a reboot, health, and what fails on the way.

One board is taken through its life, a chapter a fixture: from the factory with slot A alone, by an update to B, past
one to A that does not start, to the loss of both slots and back by way of recovery. What RAUC refuses is in
`test_updates.py`.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.board import boot_chain
from tests.board.live_board import PASSWORD, SLOW_S, Live, free_port
from tests.board.recovery_machine import Visitor
from tools.virtual_board import factory, media, system

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(boot_chain.NO_KERNEL), reason=boot_chain.NO_KERNEL)]

HEALTHY_S = 900.0
"""For five minutes of health, after a start on an emulated processor."""
NEW, DEAD = "0.2.0", "0.3.0"
NOTHING = {"usr/lib/systemd/systemd": ""}
"""A system whose process 1 is no program."""
KEPT = "/var/lib/mouthpiece/data/kept"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("updates")
    factory.assemble(made)
    return made


@pytest.fixture(scope="module")
def bundle(folder: Path) -> Path:
    target = folder / f"{NEW}.raucb"
    system.bundle(system.build(NEW), target)
    return target


@pytest.fixture(scope="module")
def board(folder: Path) -> Iterator[Live]:
    """Set up by its owner."""
    with Live(factory.machine(folder, free_port()), folder / "console") as live:
        live.serves(timeout_s=SLOW_S)
        live.set_up(PASSWORD)
        live.shell(f"echo kept > {KEPT}; sync")
        yield live


@pytest.fixture(scope="module")
def updated(board: Live, bundle: Path) -> dict[str, Any]:
    """An update is installed, and started."""
    found = {"installed": install(board, bundle), "primary": board.fetch("/api/v1/updates")["primary"]}
    restart(board)
    return {**found, "trial": board.fetch("/api/v1/updates"), "left": board.shell("fw_printenv -n BOOT_B_LEFT")}


@pytest.fixture(scope="module")
def confirmed(board: Live, updated: dict[str, Any]) -> dict[str, Any]:
    """It proves itself."""
    assert updated["trial"]["trial"] == NEW, updated["trial"]
    until(lambda: board.fetch("/api/v1/updates")["trial"] is None, "the new system is confirmed", HEALTHY_S)
    return {**board.fetch("/api/v1/updates"), "left": board.shell("fw_printenv -n BOOT_B_LEFT")}


@pytest.fixture(scope="module")
def rolled_back(board: Live, folder: Path, confirmed: dict[str, Any]) -> dict[str, Any]:
    """Another update does not come up."""
    assert confirmed["booted"] == "rootfs.1", confirmed
    dead = folder / f"{DEAD}.raucb"
    system.bundle(system.build(DEAD, NOTHING), dead)
    installed, seen = install(board, dead), board.seen()
    restart(board)
    lines = board.lines(seen)
    until(lambda: events(board)[-1] == "rolled back", "the failure is noted", SLOW_S)
    return {
        "installed": installed,
        "tried": [line.split(",")[0] for line in lines if line.startswith("Slot ")],
        "panics": sum("Kernel panic" in line for line in lines),
        **board.fetch("/api/v1/updates"),
    }


@pytest.fixture(scope="module")
def recovered(board: Live, folder: Path, bundle: Path) -> dict[str, Any]:
    """Its power is cut, both slots are destroyed; its owner brings it back by way of recovery."""
    board.cut_power()
    for name in ("boot-a", "root-a", "boot-b", "root-b"):
        wipe(folder / factory.DISK, name)
    port = free_port()
    with Live(factory.machine(folder, port), folder / "console") as lost:
        found = {"reason": lost.waits_for(r"mouthpiece\.recovery=\S+", timeout_s=SLOW_S)[1]}
        lost.serves(timeout_s=SLOW_S)
        visitor = Visitor(port, patience_s=SLOW_S)
        found["outside"] = visitor.get("/").headers["Location"]
        visitor.post("/login", password=PASSWORD)
        found["overview"] = said(visitor.get("/").text)
        visitor.upload("/install", bundle.name, bundle.read_bytes(), do="upload")
        found["installed"] = said(visitor.settled("/"))
        visitor.post("/", to="/reboot")
        lost.waits_for(r"^The root of slot \w is opened", timeout_s=SLOW_S)
        lost.serves(timeout_s=SLOW_S, path="/api/v1/session")
        lost.log_in(PASSWORD)
        return {**found, "kept": lost.shell(f"cat {KEPT}"), **lost.fetch("/api/v1/updates")}


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


def events(board: Live) -> list[str]:
    return [event["event"] for event in board.fetch("/api/v1/updates")["history"]]


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


def said(page: str) -> str:
    """What a page of recovery's says, without how."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.partition("<main")[2])))


def test_a_signed_bundle_is_installed_to_the_other_slot(updated: dict[str, Any]) -> None:
    print({name: round(updated["installed"][name]) for name in ("upload_s", "install_s")})
    assert updated["installed"]["state"] == "done", updated["installed"]
    assert updated["primary"] == "rootfs.1"


def test_the_new_system_runs_on_trial(updated: dict[str, Any]) -> None:
    trial = updated["trial"]
    assert (trial["version"], trial["booted"], trial["trial"]) == (NEW, "rootfs.1", NEW)
    assert updated["left"] == "2"


def test_it_is_confirmed_once_it_has_been_healthy(confirmed: dict[str, Any]) -> None:
    assert confirmed["history"][-1]["event"] == "confirmed"
    assert confirmed["left"] == "3"


def test_a_system_that_does_not_come_up_is_tried_three_times_and_rolled_back(rolled_back: dict[str, Any]) -> None:
    assert rolled_back["installed"]["state"] == "done", rolled_back["installed"]
    assert rolled_back["tried"] == ["Slot A", "Slot A", "Slot A", "Slot B"]
    assert rolled_back["panics"] == 3
    assert (rolled_back["version"], rolled_back["booted"]) == (NEW, "rootfs.1")
    assert rolled_back["history"][-1]["reason"] == "it did not start"


def test_with_both_slots_destroyed_recovery_starts_from_the_nor(recovered: dict[str, Any]) -> None:
    assert "mouthpiece.recovery=no-slot" in recovered["reason"]
    assert recovered["outside"] == "/login"
    assert "Neither system starts" in recovered["overview"]


def test_a_bundle_that_recovery_installs_brings_the_box_back(recovered: dict[str, Any]) -> None:
    assert f"Version {NEW} is installed; the next start tries it." in recovered["installed"]
    assert recovered["version"] == NEW
    last = recovered["history"][-1]
    assert (last["event"], last["version"], last["slot"]) == ("recovered", NEW, recovered["booted"])
    assert recovered["kept"] == "kept"
