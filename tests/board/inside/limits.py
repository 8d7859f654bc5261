"""In the guest: the box's own plan with limits from the settings, its supervisor, and processes that strain them.

The worker's stand-in is under all limits, the console's does the same under none of the disk; both begin each
strain at the same instant.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any, Final

from appliance.control import Control, NotRunningError
from appliance.storage.config import ConfigStore
from appliance.supervisor.supervisor import Supervisor
from appliance.volumes import Volumes
from tests.board.inside import stand_ins
from tests.board.inside.facts import Facts, until
from tests.board.inside.strain import STRAINS

BOX: Final = Volumes(Path("/mnt/box"))
SETTINGS: Final = {
    "worker_memory_high_mb": 40,
    "console_memory_high_mb": 0,
    "worker_cpu_weight": 50,
    "console_cpu_weight": 400,
    "worker_write_mbps": 1.0,
    "worker_read_mbps": 2.0,
}
_HELD_BACK: Final = 20
"""Events of memory.high after which a process has been held back for good."""


def drive(facts: Facts) -> None:
    control = Control(BOX, timeout_s=60)
    until(lambda: [one["state"] for one in _status(control)["children"]] == ["ready"] * 2, "both are ready")
    on_disk, disk = BOX.data.stat().st_dev, Path("/dev/vda").stat().st_rdev
    facts["disk"] = [f"{os.major(number)}:{os.minor(number)}" for number in (on_disk, disk)]
    groups = {one["name"]: _group(one["pid"]) for one in _status(control)["children"]}
    for name, group in groups.items():
        facts[name] = _limits(group)
    for what in STRAINS:
        (BOX.data / what).touch()
        facts[what] = until(lambda: _said(_status(control), what), f"both did {what}")  # noqa: B023  called at once
    (BOX.data / "allocate").touch()
    until(lambda: _high_events(groups["worker"]) > _HELD_BACK, "the worker is held back")
    facts["memory"] = {
        "current": int((groups["worker"] / "memory.current").read_text()),
        "killed": "oom_kill 0" not in (groups["worker"] / "memory.events").read_text(),
        "alive": bool((groups["worker"] / "cgroup.procs").read_text()),
    }
    facts["complaints"] = _status(control)["cgroup"]["complaints"]
    ConfigStore(BOX).update(lambda values: values.update(settings={}))
    control.ask("reload")
    facts["limits taken away"] = _limits(groups["worker"])


def _status(control: Control) -> dict[str, Any]:
    try:
        return control.ask("status")
    except NotRunningError:
        return {"children": []}


def _limits(group: Path) -> dict[str, str]:
    return {file: (group / file).read_text().strip() for file in ("memory.high", "cpu.weight", "io.max")}


def _said(status: dict[str, Any], what: str) -> dict[str, float] | None:
    values = {name: status["states"].get(f"{what} of {name}") for name in stand_ins.NAMES}
    return {name: value["result"] for name, value in values.items()} if all(values.values()) else None


def _high_events(group: Path) -> int:
    lines = dict(line.split() for line in (group / "memory.events").read_text().splitlines())
    return int(lines["high"])


def _group(pid: int) -> Path:
    own = next(line for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines() if line.startswith("0::"))
    return Path("/sys/fs/cgroup") / own.removeprefix("0::/")


def main() -> None:
    facts = Facts()
    ConfigStore(BOX).update(lambda values: values.update(settings=SETTINGS))
    failed: list[BaseException] = []

    def drive_and_stop() -> None:
        try:
            drive(facts)
        except BaseException as error:
            failed.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=drive_and_stop).start()
    Supervisor(BOX, lambda: stand_ins.plan(BOX, "tests.board.inside.strain", str(BOX.data))).run()
    if failed:
        raise failed[0]
    facts["groups left"] = [path.name for path in Path("/sys/fs/cgroup").glob("mouthpiece-*/*/")]


if __name__ == "__main__":
    main()
