"""The virtual board while it runs: its serial console with the time of every line, the shell on it, its web console.

    with Live(factory.machine(folder, port=free_port()), folder / "console") as board:
        board.reaches("multi-user", timeout_s=300)
        board.shell("fw_printenv BOOT_ORDER")

The shell is there because the virtual board's image has one; leaving the block cuts the power.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import socket
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil

from appliance.storage.config import ConfigStore
from appliance.volumes import Volumes
from tools.virtual_board import factory, media
from tools.virtual_board.machine import Machine

STAGES: Final = {
    "U-Boot": r"^U-Boot 20",
    "kernel": r"^Starting kernel",
    "root opened": r"^The root of slot \w is opened",
    "systemd": r"systemd\[1\]: systemd \d+",
    "multi-user": r"Reached target .*multi-user\.target",
}
"""What a line looks like with which a stage of the start begins."""
SERIAL_SHELL: Final = "Started .*serial-shell"
"""The same for the shell, which is there as soon as the volumes are."""
SHELL_S: Final = 120.0
SLOW_S: Final = 600.0
"""For whatever an emulated processor does, with others at work beside it."""
PASSWORD: Final = "correct horse battery"  # noqa: S105
_OF_OTHERS: Final = re.compile(r"\[ *\d+\.\d+\] |\[ *[A-Z]+ *\] | {9}[A-Z]")
"""What the kernel and systemd say on the console meanwhile."""
_READY: Final = "ready-for-commands"
_ANSWERS_S: Final = 10.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


class Live:
    """A board that was switched on. Times are seconds since then."""

    def __init__(self, machine: Machine, console: Path) -> None:
        self.port = machine.console_port
        self._console = console
        self._began = time.monotonic()
        self._machine = machine
        self._process: subprocess.Popen[bytes] = machine.start()
        self._host = psutil.Process(self._process.pid)
        self._lines: list[tuple[float, str]] = []
        self._news = threading.Condition()
        self._asked = 0
        self._in_shell = False
        self._token: dict[str, str] = {}
        cookies = urllib.request.HTTPCookieProcessor()
        self._browser = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_anybody()), cookies)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cut_power()

    def cut_power(self) -> None:
        """At once; nothing is asked."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def now(self) -> float:
        return time.monotonic() - self._began

    def computed_s(self) -> float:
        """Seconds that the host's processors have worked for the board: its time, whoever else works beside it."""
        used = self._host.cpu_times()
        return float(used.user + used.system)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Held between two instructions, whatever they are; time passes meanwhile."""
        self._host.suspend()
        try:
            yield
        finally:
            self._host.resume()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Held; no time passes for the board. It must have a monitor."""
        self._command("stop")
        try:
            yield
        finally:
            self._command("cont")

    def _command(self, name: str) -> None:
        assert self._machine.monitor is not None
        with socket.socket(socket.AF_UNIX) as monitor:
            monitor.connect(str(self._machine.monitor))
            with monitor.makefile("rw") as lines:
                for command in ("qmp_capabilities", name):
                    print(json.dumps({"execute": command}), file=lines, flush=True)
                    while "return" not in (answer := json.loads(lines.readline())):
                        assert "error" not in answer, answer

    def lines(self, since: int = 0) -> list[str]:
        with self._news:
            return [line for _, line in self._lines[since:]]

    def seen(self) -> int:
        """How many lines there were so far, for `waits_for`."""
        with self._news:
            return len(self._lines)

    def reaches(self, stage: str, *, timeout_s: float) -> float:
        """When a stage began; waits for it."""
        return self.waits_for(STAGES[stage], timeout_s=timeout_s)[0]

    def waits_for(self, pattern: str, *, timeout_s: float, since: int = 0) -> tuple[float, str]:
        """The first line from number `since` on that the pattern is found in, and its time."""
        deadline, look = time.monotonic() + timeout_s, since
        with self._news:
            while True:
                for at, line in self._lines[look:]:
                    if re.search(pattern, line):
                        return at, line
                look = len(self._lines)
                left = deadline - time.monotonic()
                if left <= 0 or not self._reader.is_alive():
                    end = "\n".join(line for _, line in self._lines[-40:])
                    state = "is silent" if self._reader.is_alive() else "is off"
                    raise TimeoutError(f"no line with {pattern!r}; the board {state}, its console ends with\n{end}")
                self._news.wait(min(left, 1.0))

    def shell(self, command: str, *, timeout_s: float = SHELL_S) -> str:
        """What a command says on the board, as root; `AssertionError` where it fails."""
        if not self._in_shell:
            self._enter_shell()
        self._asked += 1
        before = self.seen()
        self._type(f'({command}) 2>&1; echo "<$?:{self._asked}>"')
        _, line = self.waits_for(rf"<\d+:{self._asked}>$", timeout_s=timeout_s, since=before)
        said = self.lines(before)
        said = said[: said.index(line)]
        status = re.search(r"<(\d+):", line)
        said.append(line[: line.index("<")])
        text = "\n".join(one for one in said if not _OF_OTHERS.match(one)).strip()
        assert status is not None
        assert status[1] == "0", f"{command}: {text}"
        return text

    def fetch(self, path: str, *, given: Any = None, file: Path | None = None, timeout_s: float = 60.0) -> Any:
        """An answer of the web console, from the host through the forwarded port: JSON as an object, else text.

        `given` is sent as JSON, `file` as it is; a session that began with `set_up` goes on. `AssertionError` with
        what it says when it refuses.
        """
        wanted = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", headers=dict(self._token))
        with contextlib.ExitStack() as stack:
            if given is not None:
                wanted.data = json.dumps(given).encode()
                wanted.add_header("Content-Type", "application/json")
            if file is not None:
                wanted.data = stack.enter_context(file.open("rb"))
                wanted.add_header("Content-Type", "application/octet-stream")
                wanted.add_header("Content-Length", str(file.stat().st_size))
            try:
                answer = stack.enter_context(self._browser.open(wanted, timeout=timeout_s))
            except urllib.error.HTTPError as error:
                raise AssertionError(f"{path}: {error.code} {error.read().decode(errors='replace')}") from error
            text = answer.read().decode()
            return json.loads(text) if answer.headers.get_content_type() == "application/json" else text

    def left_shell(self) -> None:
        """The board was restarted, and its shell with it."""
        self._in_shell = False

    def set_up(self, password: str) -> None:
        """As the owner of a new box does, who reads the pairing code on it."""
        code = self.shell("mouthpiece pairing-code")
        self._begin("/api/v1/setup", {"password": password, "code": code})

    def log_in(self, password: str) -> None:
        self._begin("/api/v1/login", {"password": password})

    def _begin(self, path: str, given: dict[str, str]) -> None:
        self._token = {"X-CSRF-Token": self.fetch("/api/v1/session")["csrf_token"]}
        self._token = {"X-CSRF-Token": self.fetch(path, given=given)["csrf_token"]}

    def serves(self, *, timeout_s: float, path: str = "/healthz") -> float:
        """When the web console first answered over HTTPS; waits for it."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                self.fetch(path, timeout_s=30)
                return self.now()
            except OSError as error:
                if time.monotonic() > deadline or not self._reader.is_alive():
                    end = "\n".join(self.lines()[-40:])
                    raise TimeoutError(f"the web console does not answer ({error}); the console says\n{end}") from error
                time.sleep(0.2)

    def _enter_shell(self) -> None:
        """What is typed before the shell has made the terminal its own is lost, so it is asked until it answers."""
        deadline = time.monotonic() + SHELL_S
        # In two parts, so that what is echoed is not what is waited for.
        first, second = _READY.split("-", 1)
        bare = "stty -echo -onlcr; PS1=; PS2=; bind 'set enable-bracketed-paste off' 2>/dev/null"
        for asked in itertools.count(1):
            before = self.seen()
            self._type(f"{bare}; echo {first}-''{second}-{asked}")
            try:
                self.waits_for(rf"^{_READY}-{asked}$", timeout_s=_ANSWERS_S, since=before)
                break
            except TimeoutError:
                if time.monotonic() > deadline or not self._reader.is_alive():
                    raise
        self._in_shell = True

    def _type(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._console.open("ab") as copy:
            for raw in self._process.stdout:
                copy.write(raw)
                copy.flush()
                line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", raw.decode(errors="replace")).strip("\r\n")
                with self._news:
                    self._lines.append((time.monotonic() - self._began, line))
                    self._news.notify_all()


def config_in_nor(folder: Path) -> dict[str, Any]:
    """What the box wrote to the NOR, read from the chip."""
    volumes = Volumes(folder / "taken-out")
    volumes.config.mkdir(parents=True)
    chips = (folder / factory.CHIPS[0], folder / factory.CHIPS[1])
    (volumes.config / "config.nor").write_bytes(media.read_nor(chips, "config"))
    return ConfigStore(volumes).read()


def copy(folder: Path, target: Path) -> None:
    """Copy the chips and the disk of a board."""
    target.mkdir(exist_ok=True)
    for name in (*factory.CHIPS, factory.NAND, factory.DISK):
        subprocess.run(["cp", "--sparse=auto", "--reflink=auto", folder / name, target], check=True)


def _anybody() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
