"""Break the box's flash under its stores in the ways in which flash breaks, and look at what they make of it.

    python -m tests.board.inside.flash_faults

Each fault begins with a new chip. Under all of them nothing raises that is not an `ApplianceError`, and the cache
serves nothing that was not put; what else has to be is asserted outside.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from appliance.findings import Status
from appliance.storage import ubi
from appliance.storage.logs import LogWriter
from appliance.supervisor import health
from tests.board.inside import box_flash, kept, power
from tests.board.inside.apart import Apart
from tests.board.inside.box_flash import BOX, CACHE, STATE
from tests.board.inside.command import mouthpiece
from tests.board.inside.facts import Facts
from tests.board.inside.stores import Cache, Jobs, Logs, Store
from tests.board.inside.tried_again import Worker
from tests.board.kept_flash import NAND_BYTES

_UBI: Final = Path("/sys/kernel/debug/ubi/ubi0")
_DROP: Final = Path("/proc/sys/vm/drop_caches")
_MOST_STEPS: Final = 30_000
_WEAK: Final = ",".join(f"{block}:1" for block in range(20, 180, 2))
"""Blocks that UBI can erase once, when it attaches a new chip, and then never again."""


class Box:
    """A box that works on until something has happened."""

    def __init__(self) -> None:
        self.cache = Cache(BOX)
        self.logs = Logs(BOX, -1)
        self.jobs = Apart(lambda: Jobs(BOX, "boot"))
        self._stores: dict[str, Store] = {"logs": self.logs, "jobs": self.jobs, "cache": self.cache}
        self.acknowledged = dict.fromkeys(self._stores, -1)

    def work(self, happened: Callable[[], bool]) -> None:
        for number in range(_MOST_STEPS):
            for name in self._stores:
                self.step(name)
            if number % 8 == 0:
                os.sync()
            if happened():
                return
        raise AssertionError(f"{_MOST_STEPS} steps were not enough")

    def step(self, name: str) -> bool:
        done = self._stores[name].step(self.acknowledged[name] + 1)
        self.acknowledged[name] += done
        return done

    def steps(self) -> dict[str, bool]:
        return {name: self.step(name) for name in self._stores}

    def refused(self) -> dict[str, bool]:
        """Work on until each has found out; the cache does when it writes a segment."""
        self.work(lambda: not self.step("cache"))
        return self.steps()

    def check(self) -> None:
        for name, store in self._stores.items():
            store.check(self.acknowledged[name])

    def close(self) -> None:
        for store in self._stores.values():
            store.close()


@contextlib.contextmanager
def working() -> Iterator[Box]:
    with box_flash.mounted():
        box = Box()
        try:
            yield box
        finally:
            box.close()


def looked_at_again(acknowledged: dict[str, int]) -> dict[str, bool]:
    """After a restart: nothing is lost, and whether each store takes another step."""
    with working() as box:
        box.acknowledged = acknowledged
        box.check()
        return box.steps()


def bit_flips() -> dict[str, Any]:
    """The chip's code mends them, and UBI moves what is on such blocks."""
    with box_flash.nand("bitflips=1"):
        with working() as box:
            (_UBI / "tst_emulate_bitflips").write_text("1")

            def happened() -> bool:
                _DROP.write_text("3")
                box.cache.found()
                return (ubi.devices()[0].corrected_bits or 0) >= 5

            box.work(happened)
            box.check()
            steps = box.steps()
        return {"steps": steps, "again": looked_at_again(box.acknowledged)}


def write_errors() -> dict[str, Any]:
    """UBI puts what a block did not take onto another one."""
    with box_flash.nand():
        with working() as box:
            (_UBI / "tst_emulate_io_failures").write_text("1")
            box.work(lambda: _said("(emulated)") >= 3)
            (_UBI / "tst_emulate_io_failures").write_text("0")
            box.check()
            steps = box.steps()
        return {"steps": steps, "again": looked_at_again(box.acknowledged)}


def worn_out() -> dict[str, Any]:
    """One block after the other goes bad, until there is no reserve and UBI makes the chip read-only."""
    told: dict[str, Any] = {}
    with box_flash.nand("badblocks=7", f"weakblocks={_WEAK}"):
        box_flash.fill_chip()
        with working() as box:
            new = ubi.devices()[0]
            worker = Worker(BOX)
            box.work(lambda: ubi.devices()[0].bad_blocks > new.bad_blocks)
            told["while blocks go bad"] = box.steps()
            box.work(power.is_cut)
            told["reserve"], told["bad"] = new.reserve, [new.bad_blocks, ubi.devices()[0].bad_blocks]
            told["steps"] = box.refused()
            told["found"] = box.cache.found()
            told["problems"] = _problems()
            log = LogWriter(BOX.logs)
            log.append("ERROR", "test", "never stored")
            told["log"] = [log.flush(), log.problem, [one.message for one in log.recent()]]
            told["list"] = mouthpiece(BOX, "jobs", "list", "--json")["code"]
            told["submit"] = mouthpiece(BOX, "jobs", "retry", "j-1")
            told["worker"] = worker.trouble_told("cannot be changed")
            told["worker ends"] = worker.stop()
        told["again"] = sorted(looked_at_again(box.acknowledged))
    return told


def vanished() -> dict[str, Any]:
    """A chip that answers nothing any more, neither to reads nor to writes."""
    kept.plug_in(nand=NAND_BYTES)
    box_flash.make_volumes()
    with working() as box:
        box.work(lambda: box.cache.found() > 20)
        kept.power_off()
        steps = box.refused()
        _DROP.write_text("3")
        found = box.cache.found()
        problems = _problems()
        listed = mouthpiece(BOX, "jobs", "list")
    kept.power_on()
    again = looked_at_again(box.acknowledged)
    kept.unplug()
    return {
        "steps": steps,
        "found": found,
        "problems": problems,
        "listed": [listed["code"], "Traceback" in listed["err"]],
        "again": again,
    }


def full() -> dict[str, Any]:
    """Of somebody else's files: from the start, and later again."""
    told: dict[str, Any] = {}
    with box_flash.nand():
        with box_flash.mounted():
            with _filled():
                cache, logs = Cache(BOX), Logs(BOX, -1)
                told["log"] = logs.step(0)
                for number in range(200):
                    cache.step(number)
                told["cached"] = cache.found()
                told["queue"] = mouthpiece(BOX, "jobs", "list")
                told["problems"] = _problems()
                cache.close()
            logs.close()
            told["log has room"] = not logs.problem
            box = Box()
            box.acknowledged["logs"] = 0
            told["room"] = box.steps()
            box.work(lambda: box.cache.found() > 20)
            with _filled():
                for _ in range(200):
                    box.steps()
                box.check()
                told["still cached"] = box.cache.found()
            box.close()
        told["again"] = looked_at_again(box.acknowledged)
    return told


@contextlib.contextmanager
def _filled() -> Iterator[None]:
    """Both volumes, to the last byte."""
    paths = [volume.place / "somebody else's" for volume in (STATE, CACHE)]
    for path in paths:
        for piece in (1 << 16, 512):
            with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
                while True:
                    file.write(os.urandom(piece))
    yield
    for path in paths:
        path.unlink()
    os.sync()


def _problems() -> list[str]:
    return [one.message for one in health.examine(health.checks(BOX)) if one.status == Status.PROBLEM]


def _said(words: str) -> int:
    return subprocess.run(["dmesg"], check=True, capture_output=True, text=True).stdout.count(words)


def main() -> None:
    facts = Facts()
    for fault in (bit_flips, write_errors, full, worn_out, vanished):
        facts[fault.__name__] = fault()


if __name__ == "__main__":
    main()
