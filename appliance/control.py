"""How other processes talk to the supervisor: a UNIX socket, `Volumes.run / "control.sock"`, one JSON object a line.

    client -> {"do": VERB, ...}
    server -> {"ok": true, ...}       one answer, or, for "logs" and "watch", a line for each item
    server -> {"ok": false, "message": ..., "hint": ..., "exit": 1 or 3}

The socket is only for the user that the box runs as. What the verbs are is said in `appliance.supervisor.control`.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from appliance.errors import ApplianceError, InputError, UnhealthyError
from appliance.volumes import Volumes

SOCKET: Final = "control.sock"
MAX_PATH: Final = 107
"""Bytes that the kernel takes as a UNIX socket's path."""


class NotRunningError(UnhealthyError):
    """No supervisor answers: the box is not running."""


class Control:
    """Asks the supervisor that runs on these volumes; a connection for each question."""

    def __init__(self, volumes: Volumes, *, timeout_s: float = 10.0) -> None:
        self._path = volumes.run / SOCKET
        self._timeout_s = timeout_s

    def ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """One question, one answer; raises what the supervisor refuses: `InputError`, or `UnhealthyError`."""
        with self._connected(self._timeout_s) as connection:
            lines = _lines(connection, {"do": verb, **arguments})
            try:
                answer = next(lines, None)
            except TimeoutError as error:
                message = f"the supervisor did not answer in {self._timeout_s:g} s"
                raise UnhealthyError(message, hint="look at `mouthpiece logs --level WARNING`") from error
        if answer is None:
            raise self._gone()
        return answer

    def stream(self, verb: str, *, timeout_s: float | None = None, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The lines of a lasting answer, until the supervisor ends it or this generator is closed.

        Ends too when the supervisor dies. Silence of `timeout_s` raises `TimeoutError`; the supervisor sends
        `{"ok": true, "idle": true}` now and then.
        """
        with self._connected(self._timeout_s) as connection:
            connection.settimeout(timeout_s)
            yield from _lines(connection, {"do": verb, **arguments})

    def findings(self) -> Sequence[dict[str, Any]]:
        """What the health checks found last; nothing while the box does not run."""
        try:
            found: Sequence[dict[str, Any]] = self.ask("status")["findings"]
        except ApplianceError:
            return []
        return found

    def problems(self) -> list[str]:
        """The checks whose findings are problems."""
        return [finding["check"] for finding in self.findings() if finding["status"] == "problem"]

    def _connected(self, timeout_s: float) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(timeout_s)
        try:
            with short_path(self._path) as path:
                connection.connect(path)
        except OSError as error:
            connection.close()
            raise self._gone() from error
        return connection

    def _gone(self) -> NotRunningError:
        return NotRunningError(f"the box is not running on {self._path.parent}", hint="start it with `mouthpiece run`")


class short_path:  # noqa: N801  used like a function
    """A name for a socket's path that the kernel's limit admits, however deep the volumes lie."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._folder: int | None = None

    def __enter__(self) -> str:
        if len(os.fsencode(self._path)) <= MAX_PATH:
            return str(self._path)
        self._folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._folder}/{self._path.name}"

    def __exit__(self, *exception: object) -> None:
        if self._folder is not None:
            os.close(self._folder)


def _lines(connection: socket.socket, question: dict[str, Any]) -> Iterator[dict[str, Any]]:
    with contextlib.suppress(ConnectionError), connection.makefile("rb") as file:
        connection.sendall(json.dumps(question).encode() + b"\n")
        for line in file:
            if not line.endswith(b"\n"):  # the supervisor died over it
                return
            answer = json.loads(line)
            if not answer.pop("ok"):
                kind = UnhealthyError if answer.get("exit") == UnhealthyError.exit_code else InputError
                raise kind(answer["message"], hint=answer.get("hint", ""))
            yield answer
