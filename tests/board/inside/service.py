"""In the guest: the box as a service of systemd, from its start to its end; then what may befall it.

`mouthpiece.service` is laid over the guest as the image has it; a drop-in says where this checkout's Python is. The
whole box is started and stopped once, for that takes minutes on an emulated processor; the misfortunes befall the same
supervisor over stand-ins.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from appliance.control import Control, NotRunningError
from appliance.errors import UnhealthyError
from appliance.storage.config import ConfigStore
from appliance.storage.logs import read as stored_log
from appliance.volumes import Volumes
from tests.board.inside.facts import Facts
from tests.board.inside.facts import until as until_found
from tests.board.inside.virtual_key import VirtualKey

UNIT: Final = "mouthpiece.service"
BOX: Final = Volumes(Path("/var/lib/mouthpiece"))
SETTINGS: Final = {
    "worker_memory_high_mb": 900,
    "worker_cpu_weight": 50,
    "worker_write_mbps": 20,
    "worker_read_mbps": 40,
}
SLOW_S: Final = 500.0
STAND_INS: Final = f"""[Service]
ExecStart=
ExecStart={sys.executable} -m tests.board.inside.stand_ins
WorkingDirectory={Path.cwd()}
"""
_PROPERTIES: Final = "ActiveState,SubState,StatusText,MainPID,NRestarts,Result,ControlGroup"


def until(condition: Callable[[], Any], what: str) -> Any:
    """Looking takes from the processor what the box needs to start."""
    return until_found(condition, what, SLOW_S, every_s=2.0)


class Service:
    key: VirtualKey
    """Of the power-fail board, as long as it is plugged in."""

    def __init__(self) -> None:
        self.control = Control(BOX, timeout_s=60)

    def show(self) -> dict[str, str]:
        lines = _said("systemctl", "show", "--property", _PROPERTIES, UNIT).splitlines()
        return dict(line.split("=", 1) for line in lines)

    def pid(self) -> int:
        return int(self.show()["MainPID"])

    def status(self) -> dict[str, Any]:
        try:
            return self.control.ask("status")
        except (NotRunningError, UnhealthyError):
            return {"children": [], "states": {}}

    def states(self) -> dict[str, str]:
        return {one["name"]: one["state"] for one in self.status()["children"]}

    def pids(self) -> list[int]:
        """Every process of the service."""
        group = Path("/sys/fs/cgroup") / self.show()["ControlGroup"].lstrip("/")
        return [int(pid) for procs in group.rglob("cgroup.procs") for pid in procs.read_text().split()]

    def until_serving(self) -> dict[str, str]:
        """Wait until worker and console are ready; what systemd shows then."""
        until(lambda: list(self.states().values())[:2] == ["ready"] * 2, "worker and console are ready")
        return self.show()

    def until_restarted(self, after: int) -> None:
        """Wait until another main process than `after` answers."""
        until(lambda: self.status().get("pid", after) != after, "a new supervisor answers")

    def messages(self) -> list[str]:
        """The log as it lies on the volume, not as the supervisor tells it."""
        return [record.message for record in stored_log(BOX.logs)]

    def logged(self, words: str, times: int = 1) -> str:
        """Wait until `words` are in the log on the volume for so many times; the last message with them."""
        until(lambda: len([one for one in self.messages() if words in one]) >= times, f"{words!r} is in the log")
        return [one for one in self.messages() if words in one][-1]


def start(facts: Facts, service: Service) -> None:
    ConfigStore(BOX).update(lambda values: values.update(settings=SETTINGS))
    _said("chown", "-R", "mouthpiece:", str(BOX.config))
    _said("systemctl", "start", UNIT)
    facts["started"] = service.until_serving()
    facts["systemctl status"] = _said("systemctl", "status", "--no-pager", "--lines=0", UNIT)
    worker = next(one["pid"] for one in service.status()["children"] if one["name"] == "worker")
    group = Path("/sys/fs/cgroup") / Path(f"/proc/{worker}/cgroup").read_text().strip().removeprefix("0::/")
    facts["worker's group"] = {
        name: (group / name).read_text().strip() for name in ("memory.high", "cpu.weight", "io.max")
    }
    facts["complaints"] = service.status()["cgroup"]["complaints"]
    facts["users"] = sorted({Path(f"/proc/{pid}").owner() for pid in service.pids()})
    facts["findings"] = {
        one["check"]: one["message"] for one in service.status().get("findings", []) if one["status"] != "ok"
    }
    facts["exposure"] = _said("systemd-analyze", "security", "--no-pager", UNIT).splitlines()[-1]


def stop(facts: Facts, service: Service) -> None:
    old = service.pids()
    _said("systemctl", "stop", UNIT)
    facts["stopped"] = _journal()
    facts["left of the stopped"] = _living(old)
    facts["marked at the end"] = _marked()
    facts["last words"] = service.messages()[-6:]


def stand_in(_: Facts, service: Service) -> None:
    Path(f"/etc/systemd/system/{UNIT}.d/stand-ins.conf").write_text(STAND_INS)
    _said("systemctl", "daemon-reload")
    _said("systemctl", "start", UNIT)
    service.until_serving()


def journal(_: Facts, service: Service) -> None:
    """Another unit warns, then chats; the box itself warns, which the journal has from it."""
    service.control.ask("log", level="WARNING", part="test", message="the box's own warning")
    _said("systemd-run", "--wait", "sh", "-c", "echo '<4>out of paper' >&2; echo '<6>paper is white' >&2")
    service.logged("out of paper")


def repeated(facts: Facts, service: Service) -> None:
    """What the log holds of the journal after all that."""
    _said("systemd-run", "--wait", "sh", "-c", "echo '<3>on fire' >&2")
    service.logged("on fire")
    facts["of the journal"] = {
        words: [one for one in service.messages() if words in one]
        for words in ("out of paper", "paper is white", "the box's own warning", "on fire")
    }
    facts["journal on disk"] = any(Path("/var/log/journal").rglob("*.journal"))


def power_key(facts: Facts, service: Service) -> None:
    """The key of a board with a super-capacitor is plugged in and pressed; then the power comes back after all."""
    subprocess.run(["modprobe", "uinput"], check=True)
    listening = service.pid()
    service.key = VirtualKey("power-fail")
    until(lambda: _inputs(listening), "the supervisor listens to the key")
    service.control.ask("log", level="INFO", part="test", message="the last thing said before")
    service.key.press()
    facts["marked"] = until_found(lambda: _marked() == "POWER_FAIL", "the end is marked", SLOW_S, every_s=0.05)
    failing = service.logged("power fails (a key of")
    facts["power key"] = failing
    told = ["the last thing said before", failing, service.logged("the power is still there")]
    messages = service.messages()
    facts["order"] = [messages.index(one) for one in told]
    service.logged("leaves, told by SIGPWR", times=2)
    facts["children told"] = [one for one in service.messages() if one.startswith("leaves, told by")]
    facts["power is back"] = service.until_serving()
    facts["same supervisor"] = service.pid() == listening


def kill(facts: Facts, service: Service) -> None:
    old, before = service.pids(), service.pid()
    os.kill(before, signal.SIGKILL)
    service.until_restarted(before)
    facts["killed"] = service.until_serving()
    facts["left of the killed"] = _living(old)


def power_key_there_before(facts: Facts, service: Service) -> None:
    """The key is there when the supervisor starts; it is pressed, and unplugged at last."""
    listening = service.pid()
    until(lambda: _inputs(listening), "the supervisor listens to the key that was there before it")
    service.key.press()
    facts["power key there before"] = service.logged("power fails (a key of", times=2)
    service.until_serving()
    service.key.close()
    until(lambda: not _inputs(listening), "the supervisor lets go of what is unplugged")
    facts["key unplugged"] = service.until_serving()


def hang(facts: Facts, service: Service) -> None:
    old, before = service.pids(), service.pid()
    os.kill(before, signal.SIGSTOP)
    service.until_restarted(before)
    facts["hung"] = service.show()
    facts["left of the hung"] = _living(old)
    facts["how it hung"] = _journal()


def power_signal(facts: Facts, service: Service) -> None:
    """What a UPS daemon tells process 1."""
    os.kill(1, signal.SIGPWR)
    facts["power signal"] = service.logged("power fails (SIGPWR)")


def _journal() -> list[str]:
    """What systemd itself says of the unit."""
    said = _said("journalctl", "--no-pager", "--output=cat", "_PID=1", f"UNIT={UNIT}")
    return said.splitlines()


def _marked() -> str:
    """How the run ended, as the next one will find it."""
    return str(json.loads((BOX.state / "boot.json").read_text())["ended"])


def _inputs(pid: int) -> list[str]:
    """The input devices that a process reads."""
    names = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            names.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return [name for name in names if name.startswith("/dev/input/")]


def _living(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def _said(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SLOW_S).stdout


PARTS: Final = (
    start,
    stop,
    stand_in,
    journal,
    power_key,
    kill,
    power_key_there_before,
    hang,
    power_signal,
    repeated,
)


def main() -> None:
    facts, service = Facts(), Service()
    try:
        for part in PARTS:
            part(facts, service)
    except BaseException:
        facts["at the end"] = [service.show(), service.states(), service.messages()[-20:]]
        raise


if __name__ == "__main__":
    main()
