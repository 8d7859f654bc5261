"""In the guest: what a boot of the box does with its slots. The plan is in `/out/plan`: a list of steps with arguments.

The bundles lie on the data disk, where the box put them; the steps that the box itself does are done as its user.
"""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

# The box's user may not look into where this machine keeps its Python: what will be imported is imported before.
import jeepney.io.blocking  # type: ignore[import-untyped]
import jeepney.wrappers  # type: ignore[import-untyped]  # noqa: F401

from appliance.errors import ApplianceError
from appliance.update import reboot, slots
from appliance.update.trial import Trial
from appliance.volumes import Volumes
from tests.board.inside.facts import Facts, until

BOX: Final = Volumes(Path("/var/lib/mouthpiece"))
BUNDLES: Final = BOX.data / "bundles"
DISKS: Final = {"A": Path("/dev/vda"), "B": Path("/dev/vdb"), "recovery": Path("/dev/vdd")}
HEALTHY: Final = [{"check": "processes", "status": "ok", "message": ""}]


def status(_: Sequence[Any]) -> dict[str, Any]:
    found = slots.status(BOX)
    slots_now = {slot["bootname"]: slot["boot_status"] for slot in found["slots"]}
    events = [[event["event"], event["version"], event.get("reason", "")] for event in found["history"]]
    names = ("version", "compatible", "booted", "primary", "trial")
    return {**{name: found[name] for name in names}, "slots": slots_now, "history": events, "disks": disks()}


def disks() -> dict[str, str]:
    """A digest of each slot's whole disk; root alone may read them."""
    return {name: json.loads(_as_root(f"digest:{disk}")) for name, disk in DISKS.items()}


def install(arguments: Sequence[Any]) -> dict[str, Any]:
    name, *problems = arguments
    told: list[float] = []
    asked: list[Any] = []

    def step(_stage: str, done: float, _total: float) -> None:
        told.append(done)
        found = slots.status(BOX)
        asked.append([found["operation"], found["booted"], found["primary"]])

    try:
        found = slots.install(BOX, BUNDLES / name, problems, step)
    except ApplianceError as error:
        return {"refused": error.message, "hint": error.hint}
    return {"version": found.version, "progress": told, "asked": asked}


def live(arguments: Sequence[Any]) -> dict[str, Any]:
    """Run the trial of this boot to its decision, with these problems."""
    findings = HEALTHY + [{"check": name, "status": "problem", "message": "it is broken"} for name in arguments]
    published: list[Any] = []
    said: list[str] = []
    trial = Trial(
        BOX,
        lambda: findings,
        lambda: reboot.request(BOX),
        lambda _level, message: said.append(message),
        healthy_s=1.0,
        deadline_s=3.0,
    )
    trial.watch(lambda _name, value: published.append(value))
    print(said, flush=True)
    return {"published": published[-1:], "reboot": (BOX.run / "reboot").exists()}


def strangers(_: Sequence[Any]) -> dict[str, Any]:
    """What somebody else on the box may ask of RAUC."""
    command = ["setpriv", "--reuid=nobody", "--clear-groups", "rauc", "status", "mark-bad", "booted"]
    done = subprocess.run(command, capture_output=True, text=True)
    return {"code": done.returncode, "said": done.stderr}


def die(_: Sequence[Any]) -> str:
    """Let the boot loader boot three times into what never comes up, and which slots it chose."""
    slots_booted = [_do("/etc/rauc/boot_loader.sh", "boot") for _ in range(3)]
    return " ".join(slots_booted)


def command(_: Sequence[Any]) -> str:
    """What the operator sees in a terminal."""
    return _do(sys.executable, "-m", "appliance", "--data", str(BOX.root), "update", "status")


def rebooting(_: Sequence[Any]) -> str:
    """What systemd did about the file that asks for a reboot; here that starts a target."""
    state = ("systemctl", "show", "--property=ActiveState", "--value", "asked.target")
    until(lambda: _do(*state) == "active", "the reboot is begun")
    return _do(*state)


def _do(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


STEPS: Final[dict[str, Callable[[Sequence[Any]], Any]]] = {
    "status": status,
    "install": install,
    "live": live,
    "strangers": strangers,
    "die": die,
    "command": command,
    "rebooting": rebooting,
}
AS_ROOT: Final = ("strangers", "die", "command", "rebooting")


def _as_root(question: str) -> str:
    """The program keeps a child that stayed root, for what only root may look at."""
    os.write(_TO_ROOT[1], question.encode() + b"\n")
    return os.read(_FROM_ROOT[0], 65536).decode()


_TO_ROOT: Final = os.pipe()
_FROM_ROOT: Final = os.pipe()


def _serve_as_root() -> None:
    with os.fdopen(_TO_ROOT[0]) as questions:
        for question in questions:
            kind, _, argument = question.strip().partition(":")
            if kind == "digest":
                with Path(argument).open("rb") as disk:
                    answer: Any = hashlib.file_digest(disk, "sha256").hexdigest()
            else:
                answer = STEPS[kind]([])
            os.write(_FROM_ROOT[1], json.dumps(answer).encode())


def main() -> None:
    facts = Facts()
    if os.fork() == 0:
        os.close(_TO_ROOT[1])
        _serve_as_root()
        os._exit(0)
    user = pwd.getpwnam("mouthpiece")
    Path("/out").chmod(0o777)
    os.setgroups([])
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    for number, (step, *arguments) in enumerate(json.loads(Path("/out/plan").read_text())):
        found = json.loads(_as_root(step)) if step in AS_ROOT else STEPS[step](arguments)
        facts[f"{number} {' '.join([step, *arguments])}"] = found
    facts["steps"] = number + 1


if __name__ == "__main__":
    main()
