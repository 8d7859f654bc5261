"""In the guest: the box's own supervisor and plan, with small programs in the places of worker and console.

    python -m tests.board.inside.stand_ins        the box on `Volumes.default()`, of programs that only live
    python -m tests.board.inside.stand_ins NAME   such a program

The real worker takes a minute to start on an emulated processor.
"""

from __future__ import annotations

import signal
import sys
from dataclasses import replace
from types import FrameType
from typing import Final

from appliance.link import Link
from appliance.supervisor.plan import Plan
from appliance.volumes import Volumes

NAMES: Final = ("console", "worker")
"""In the plan's order."""


def plan(box: Volumes, module: str, *arguments: str) -> Plan:
    """The plan that follows from the settings; each process is `module NAME ARGUMENTS` instead."""
    from appliance.commands import run

    real = run.plan(box, {})
    program = (sys.executable, "-m", module)
    places = [one for one in real.children if one.name in NAMES]
    return replace(real, children=tuple(replace(one, argv=(*program, one.name, *arguments)) for one in places))


def supervise() -> None:
    from appliance.supervisor.supervisor import Supervisor

    box = Volumes.default()
    Supervisor(box, lambda: plan(box, "tests.board.inside.stand_ins")).run()


def live(name: str) -> None:
    """Until a signal ends it."""
    link = Link.from_environment()

    def leave(number: int, _: FrameType | None) -> None:
        link.log("INFO", name, f"leaves, told by {signal.Signals(number).name}")
        sys.exit(0)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGPWR, leave)
    link.ready()
    while True:
        link.beat()
        signal.sigtimedwait((), 1.0)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        live(sys.argv[1])
    else:
        supervise()
