"""One boot of a box that is killed: look at what the last one left, then work until the end.

    python -m tests.board.inside.killed FIRST|NEXT|LAST

The host is told of each step when it is acknowledged, a line `STORE NUMBER` in `/out/said`; and when the flash is
attached and when everything was looked at, `attaching` and `checked`. It tells what may not be lost in `/out/known`:
the last acknowledged step of each store, and of the log the last one that a boot has looked at. The first boot makes
the volumes, the last one only looks and takes a few steps more.
"""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path
from typing import Final

from tests.board.inside import box_flash, kept
from tests.board.inside.box_flash import BOX
from tests.board.inside.facts import Facts
from tests.board.inside.stores import Cache, Config, Jobs, Logs, Store
from tests.board.kept_flash import NAND_BYTES, NOR_BYTES

_LAST_STEPS: Final = 20


def main() -> None:
    boot = sys.argv[1]
    known = json.loads(Path("/out/known").read_text())
    steps: dict[str, int] = known["acknowledged"]
    kept.plug_in(nand=NAND_BYTES, nor=NOR_BYTES, kept=True)
    box_flash.prepare()
    BOX.config.mkdir(parents=True)
    (BOX.config / "config.nor").symlink_to("/dev/mtd1")
    with Path("/out/said").open("w", buffering=1) as said:
        if boot == "FIRST":
            box_flash.make_volumes()
        print("attaching", file=said)
        with box_flash.mounted():
            cache = Cache(BOX)
            stores: dict[str, Store] = {
                "logs": Logs(BOX, known["checked"]),
                "jobs": Jobs(BOX, f"boot {known['boot']}"),
                "config": Config(BOX),
                "cache": cache,
            }
            for name, store in stores.items():
                store.check(steps[name])
            found = cache.found()
            print("checked", file=said)
            source = random.Random(known["boot"])  # noqa: S311
            rest = _LAST_STEPS if boot == "LAST" else 1_000_000
            for name in (source.choice(list(stores)) for _ in range(rest)):
                steps[name] += 1
                assert stores[name].step(steps[name]), f"{name} does not work any more"
                print(name, steps[name], file=said)
            for name, store in stores.items():
                store.check(steps[name])
                store.close()
            Facts()["found"] = found


if __name__ == "__main__":
    main()
