"""The virtual board with its power cut at 100 instants of an update: installing it, starting it, marking it good.

What killing QEMU at an instant would leave is what the files of chips, NAND and disk hold then, for none of them has a
cache (`machine`). So one update is made and held still a hundred times on its way; each time the files are copied, and
the copy is switched on, as a board whose power came back. It has come up when its volumes are mounted and somebody can
type at its serial console; every tenth is waited for until its web console lets the owner in.

The instants lie evenly in the processor time that the same step took on the update before. That went from slot A to
slot B; the one that is cut goes back to A, so a good system is written over.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from tests.board import boot_chain
from tests.board.live_board import PASSWORD, SERIAL_SHELL, SLOW_S, Live, config_in_nor, copy, free_port
from tools.virtual_board import factory, media, system

pytestmark = [pytest.mark.full, pytest.mark.skipif(bool(boot_chain.NO_KERNEL), reason=boot_chain.NO_KERNEL)]

CUTS: Final = {"install": 40, "start": 40, "mark good": 20}
AT_ONCE: Final = 2
"""Boards that are looked at side by side, while the one that is updated is held."""
SERVED: Final = 10
"""Of so many one is waited for until its web console answers."""
BOX: Final = "/var/lib/mouthpiece"
KEPT: Final = f"{BOX}/data/kept {BOX}/nand/state/kept"
VOLUMES: Final = f"{BOX}/data {BOX}/nand/state"
_LOOK: Final = f"sha256sum {KEPT} && for place in {VOLUMES}; do findmnt -nro FSTYPE,OPTIONS $place; done"


@dataclass(slots=True)
class Cut:
    """What came of one."""

    step: str
    number: int
    started: list[str] = field(default_factory=list)
    """The slots that U-Boot tried; where all is well, one."""
    kept: bool = False
    """What was written and synced before is there, byte for byte, on both volumes."""
    mounted: list[str] = field(default_factory=list)
    """File systems of the data and the state volume, with `rw` or `ro`."""
    configured: bool = False
    """The configuration in the NOR knows the owner."""
    served: bool = False
    trouble: str = ""


@pytest.fixture(scope="module")
def cuts(tmp_path_factory: pytest.TempPathFactory) -> list[Cut]:
    folder = tmp_path_factory.mktemp("power")
    factory.assemble(folder)
    put_bundle(folder)
    machine = dataclasses.replace(factory.machine(folder, free_port()), monitor=folder / "monitor")
    with Live(machine, folder / "console") as board:
        board.serves(timeout_s=SLOW_S)
        board.set_up(PASSWORD)
        for place in KEPT.split():
            board.shell(f"dd if=/dev/urandom of={place} bs=64k count=16 && sync {place}")
        board.shell("mouthpiece update mark-good")
        sums = board.shell(f"sha256sum {KEPT}")
        took = {step: whole(board, begin) for step, begin in STEPS.items()}
        print({step: f"{seconds:.0f} s of processor time" for step, seconds in took.items()}, flush=True)
        return [cut for step in STEPS for cut in cut_down(board, folder, step, took[step], sums)]


def put_bundle(folder: Path) -> None:
    """Make the data volume, with a bundle on it."""
    content = folder / "data"
    content.mkdir()
    system.bundle(system.build("0.2.0"), content / "bundle.raucb")
    start, size = media.find(folder / factory.DISK, "data")
    options = ["-q", "-F", "-L", "data", "-d", str(content), "-E", f"offset={start}"]
    subprocess.run(["mkfs.ext4", *options, str(folder / factory.DISK), f"{size >> 10}k"], check=True)
    shutil.rmtree(content)


def install(board: Live) -> str:
    board.shell(
        f"(mouthpiece update install {BOX}/data/bundle.raucb > /run/said; echo installed-''$?) > /dev/console &"
    )
    return "installed-0"


def start(board: Live) -> str:
    board.fetch("/api/v1/updates/reboot", given={})
    board.left_shell()
    return r"Reached target .*multi-user\.target"


def mark_good(board: Live) -> str:
    board.shell("(mouthpiece update mark-good > /run/said; echo marked-''$?) > /dev/console &")
    return "marked-0"


STEPS: Final[dict[str, Callable[[Live], str]]] = {"install": install, "start": start, "mark good": mark_good}
"""What begins a step, and says which line of the console ends it."""


def whole(board: Live, begin: Callable[[Live], str]) -> float:
    """Make a step; the processor time that it took."""
    seen, before = board.seen(), board.computed_s()
    board.waits_for(begin(board), timeout_s=SLOW_S, since=seen)
    took = board.computed_s() - before
    settle(board)
    return took


def settle(board: Live) -> None:
    """The web console answers, as it does at once where nothing was restarted."""
    board.serves(timeout_s=SLOW_S)
    board.log_in(PASSWORD)


def cut_down(board: Live, folder: Path, step: str, took: float, sums: str) -> Iterator[Cut]:
    """Make the same step again, with cuts on its way."""
    seen, before, copies = board.seen(), board.computed_s(), list[Path]()
    end = STEPS[step](board)
    for number in range(CUTS[step]):
        instant = before + took * (number + 0.5) / CUTS[step]
        while board.computed_s() < instant and not any(re.search(end, line) for line in board.lines(seen)):
            time.sleep(0.01)
        copies.append(folder / f"{step} {number}")
        with board.frozen():
            copy(folder, copies[-1])
        if len(copies) == AT_ONCE or number == CUTS[step] - 1:
            with board.paused(), ThreadPoolExecutor(AT_ONCE) as pool:
                for cut in pool.map(lambda one: switched_on(one, sums), copies):
                    print(cut, flush=True)
                    yield cut
            copies.clear()
    board.waits_for(end, timeout_s=SLOW_S, since=seen)
    settle(board)


def switched_on(folder: Path, sums: str) -> Cut:
    """Switch a copy on, look at it, and throw it away if all is well."""
    step, _, number = folder.name.rpartition(" ")
    cut = Cut(step, int(number))
    with Live(factory.machine(folder, free_port()), folder / "console") as board:
        try:
            board.waits_for(rf"{SERIAL_SHELL}|mouthpiece\.recovery=", timeout_s=SLOW_S)
            found = board.shell(_LOOK).splitlines()
            cut.kept = found[:2] == sums.splitlines()
            cut.mounted = [line.split(",")[0] for line in found[2:]]
            if cut.number % SERVED == 0:
                board.serves(timeout_s=SLOW_S)
                board.log_in(PASSWORD)
                cut.served = True
        except (TimeoutError, AssertionError) as error:
            cut.trouble = str(error)
        cut.started = [line[len("Slot ")] for line in board.lines() if re.match("Slot .,", line)]
    cut.configured = bool(config_in_nor(folder).get("admin"))
    if not cut.trouble:
        shutil.rmtree(folder)
    return cut


def test_the_power_was_cut_a_hundred_times(cuts: list[Cut]) -> None:
    assert {step: sum(cut.step == step for cut in cuts) for step in STEPS} == CUTS
    assert sum(CUTS.values()) == 100
    assert sum(cut.served for cut in cuts) == 100 / SERVED


def test_it_came_up_every_time_in_a_good_slot_at_the_first_try(cuts: list[Cut]) -> None:
    assert [cut for cut in cuts if cut.trouble] == []
    slots = {step: {"".join(cut.started) for cut in cuts if cut.step == step} for step in STEPS}
    # B runs while A is installed, and counts until A is whole.
    assert slots["install"] in ({"B"}, {"A", "B"})
    assert slots["start"] == slots["mark good"] == {"A"}


def test_what_was_synced_was_there_every_time(cuts: list[Cut]) -> None:
    assert [cut for cut in cuts if not (cut.kept and cut.configured)] == []
    assert [cut for cut in cuts if cut.mounted != ["ext4 rw", "ubifs rw"]] == []
