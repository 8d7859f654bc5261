"""The console as a process of its own, and a client that a test can look into."""

from __future__ import annotations

import http.client
import json as json_
import os
import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from appliance.control import Control
from appliance.volumes import Volumes
from tests.running_box import PASSWORD, accepts, running_box, wait_for

_SERVING: Final = re.compile(r"serving HTTP on \S+ port (\d+)")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json_.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(slots=True)
class Client:
    """Keeps cookies and the token against forged requests, as a browser with the console's scripts does."""

    port: int
    tls: bool = False
    host: str = "127.0.0.1"
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""
    bearer: str = ""

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        sent = self.identity()
        if json is not None:
            body, sent["Content-Type"] = json_.dumps(json).encode(), "application/json"
        connection = self.connection()
        try:
            connection.request(method, path, body, {**sent, **(headers or {})})
            response = connection.getresponse()
            answer = Answer(response.status, response.headers, response.read())
        finally:
            connection.close()
        for cookie in answer.headers.get_all("Set-Cookie", []):
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def identity(self) -> dict[str, str]:
        """The headers that say who asks."""
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}
        if self.csrf:
            sent["X-CSRF-Token"] = self.csrf
        if self.bearer:
            sent["Authorization"] = f"Bearer {self.bearer}"
        return sent

    def connection(self) -> http.client.HTTPConnection:
        if not self.tls:
            return http.client.HTTPConnection(self.host, self.port, timeout=30)
        return http.client.HTTPSConnection(self.host, self.port, timeout=30, context=trusting())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, json: Any) -> Answer:
        return self.ask("POST", path, json=json)

    def begin(self) -> Client:
        """Get the token that changes need."""
        self.csrf = self.get("/api/v1/session").json["csrf_token"]
        return self

    def log_in(self, path: str = "login", **more: str) -> Client:
        answer = self.begin().post(f"/api/v1/{path}", {"password": PASSWORD, **more})
        assert answer.status == 200, answer.body
        self.csrf = answer.json["csrf_token"]
        return self


def trusting() -> ssl.SSLContext:
    """Takes the box's own certificate without knowing it."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@dataclass(slots=True)
class Console:
    """A running console. `tls_port` is 0 where it does not serve the network; `pid` that of a child of a whole box."""

    root: Path
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    tls_port: int = 0
    pid: int = 0

    def client(self, *, tls: bool = False) -> Client:
        return Client(self.tls_port if tls else self.port, tls)

    @property
    def resident_mb(self) -> float:
        status = Path(f"/proc/{self.pid or self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024  # type: ignore[index]

    def mapped(self) -> str:
        """Everything that the process has loaded."""
        return Path(f"/proc/{self.pid or self.process.pid}/maps").read_text()


class Stream:
    """A client that reads server-sent events."""

    def __init__(self, client: Client, path: str, after: str = "") -> None:
        self.connection = client.connection()
        headers = client.identity() | ({"Last-Event-ID": after} if after else {})
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        self.status = self.answer.status
        self.last = after

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()
        self.connection.close()

    def events(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Id and data of each event."""
        for line in self.answer:
            if line.startswith(b"id: "):
                self.last = line[4:].strip().decode()
            elif line.startswith(b"data: "):
                yield self.last, json_.loads(line[6:])

    def until(self, message: str) -> list[tuple[str, dict[str, Any]]]:
        """Everything up to the record that says so."""
        found = []
        for event in self.events():
            found.append(event)
            if event[1]["message"] == message:
                return found
        raise AssertionError(f"the stream ended without {message!r}")


def say(box: Console, message: str) -> None:
    Control(Volumes(box.root)).ask("log", level="INFO", part="test", message=message)


@contextmanager
def set_up_box(root: Path) -> Iterator[Console]:
    """The whole box, set up; the console among its processes."""
    with running_box(root) as box:
        client = Client(box.port).log_in("setup")
        children = wait_for(lambda: client.get("/api/v1/status").json["box"].get("children"), box.process)
        (console,) = (child["pid"] for child in children if child["name"] == "console")
        yield Console(root, box.process, box.port, box.log, pid=console)


@contextmanager
def running(root: Path, *options: str, tls_port: int = 0) -> Iterator[Console]:
    """Start the console on these volumes; it must end in order when told to."""
    log = root / "console.log"
    root.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "appliance", "--data", str(root), "console", "--port", "0", *options]
    with log.open("wb") as written:
        environment = {name: value for name, value in os.environ.items() if name != "MOUTHPIECE_LINK"}
        process = subprocess.Popen(command, stdout=written, stderr=subprocess.STDOUT, env=environment)
    try:
        port = int(wait_for(lambda: _SERVING.search(log.read_text()), process)[1])
        wait_for(lambda: accepts(port), process)
        yield Console(root, process, port, log, tls_port)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
