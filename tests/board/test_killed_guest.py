"""A box whose flash outlives it, and which is killed 20 times: at work, while it attaches its flash, and while it looks
at what the last kill left.

QEMU gets SIGKILL, so nothing in the guest can prepare for it. The flash is `kept_flash`: what the guest had programmed
by then, to the byte. When a step is acknowledged, the guest has said so to the host.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from tests.board import kept_flash
from tests.board.guest import Guest, Result
from tests.board.kept_flash import missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "-")]

STORES: Final = ("logs", "jobs", "config", "cache")
AT_WORK, AT_BOOT = 14, 6
"""Kills after so many acknowledgements, and soon after the flash began to be attached."""
_BOOT_S: Final = 400.0


class Box:
    """What outlives the guest, and what its host knows of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._module = kept_flash.module(folder / "module")
        self._memory = kept_flash.new_memory(folder / "memory")
        self._boots = 0
        self._checked = -1
        self.kills = 0
        self.acknowledged = dict.fromkeys(STORES, -1)

    def boot(self, which: str, enough: Callable[[list[str]], bool] = lambda _: False) -> Result:
        """Until it ends, or is killed because what it has said is `enough`."""
        folder = self._folder / str(self._boots)
        folder.mkdir()
        guest = Guest(folder, memory=self._memory)
        shutil.copy(self._module, guest.out)
        known = {"boot": self._boots, "checked": self._checked, "acknowledged": self.acknowledged}
        (guest.out / "known").write_text(json.dumps(known))
        said = guest.out / "said"
        said.touch()
        result = guest.run_inside(
            f"killed {which}", timeout_s=_BOOT_S, enough=lambda: enough(said.read_text().splitlines())
        )
        self._boots += 1
        self._listen(said.read_text())
        return result

    def killed(self, which: str, enough: Callable[[list[str]], bool]) -> None:
        result = self.boot(which, enough)
        assert result.status is None, result.explain()
        assert enough(result.text("said").splitlines()), f"it did not come so far in time: {result.explain()}"
        self.kills += 1

    def _listen(self, said: str) -> None:
        looked_at = self.acknowledged["logs"]
        for line in said.split("\n")[:-1]:
            match line.split():
                case ["checked"]:
                    self._checked = looked_at
                case [name, number]:
                    self.acknowledged[name] = int(number)


def _after_steps(source: random.Random) -> Callable[[list[str]], bool]:
    """Some time after so many acknowledgements."""
    steps, waiting_s = source.randrange(50, 500), source.random() / 5
    return _after(lambda said: len(said) > steps + 2, waiting_s)


def _after_attaching(source: random.Random) -> Callable[[list[str]], bool]:
    """Some time after it has begun to attach its flash."""
    return _after(lambda said: "attaching" in said, source.random() * 2)


def _after(begun: Callable[[list[str]], bool], waiting_s: float) -> Callable[[list[str]], bool]:
    at: list[float] = []

    def enough(said: list[str]) -> bool:
        if not at and begun(said):
            at.append(time.monotonic() + waiting_s)
        return bool(at) and time.monotonic() >= at[0]

    return enough


def test_a_killed_box_keeps_what_it_has_acknowledged(tmp_path: Path) -> None:
    box, source = Box(tmp_path), random.Random(20)  # noqa: S311
    kills = [_after_steps] * (AT_WORK - 1) + [_after_attaching] * AT_BOOT
    source.shuffle(kills)
    box.killed("FIRST", _after_steps(source))
    for kill in kills:
        box.killed("NEXT", kill(source))
    last = box.boot("LAST")
    assert last.facts()["found"] > 10, "the cache began from nothing"
    assert box.kills == AT_WORK + AT_BOOT
    assert all(steps > 20 * AT_WORK // 4 for steps in box.acknowledged.values()), box.acknowledged
