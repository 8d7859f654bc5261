"""One running child process: its start, its pipes, its end.

It runs in a process group of its own, so that Ctrl-C reaches only the supervisor and a signal reaches all
that the child started; what is left of the group when the child ends is killed. Three pipes lead here: the link of
`appliance.link`, standard output and standard error. All callbacks come on the event loop, `ended` last and once.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from appliance.link import MAX_LINE, VARIABLE
from appliance.supervisor import launch

_READ: Final = 65536
_LINK_PIPE: Final = 1 << 20
"""Wished capacity of the link in bytes, so that nothing is dropped while the supervisor is busy."""


class Listener(Protocol):
    def heard(self, line: dict[str, Any]) -> None: ...
    def printed(self, stream: str, text: str) -> None: ...
    def ended(self, how: str) -> None: ...


class Process:
    def __init__(
        self, argv: tuple[str, ...], listener: Listener, *, group: Path | None, env: Mapping[str, str]
    ) -> None:
        """Start it. `group` is its control group's directory. `OSError` when it cannot be started."""
        self._listener = listener
        self._loop = asyncio.get_running_loop()
        link, link_end = os.pipe()
        with contextlib.suppress(OSError):
            fcntl.fcntl(link, fcntl.F_SETPIPE_SZ, _LINK_PIPE)
        procs = str(group / "cgroup.procs") if group else ""
        try:
            self._popen = subprocess.Popen(  # noqa: S603  the table of children says what runs
                [sys.executable, "-I", "-S", launch.__file__, str(os.getpid()), procs, *argv],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=(link_end,),
                process_group=0,
                env={**os.environ, "PYTHONFAULTHANDLER": "1", VARIABLE: str(link_end), **env},
            )
        except OSError:
            os.close(link)
            raise
        finally:
            os.close(link_end)
        self.pid = self._popen.pid
        self._pidfd = os.pidfd_open(self.pid)
        assert self._popen.stdout is not None  # noqa: S101  as asked for above
        assert self._popen.stderr is not None  # noqa: S101
        self._pipes = [
            _Lines(link, self._heard, MAX_LINE),
            _Lines(self._popen.stdout.fileno(), lambda text: listener.printed("stdout", text), _READ, whole=True),
            _Lines(self._popen.stderr.fileno(), lambda text: listener.printed("stderr", text), _READ, whole=True),
        ]
        self._link = link
        for pipe in self._pipes:
            self._loop.add_reader(pipe.descriptor, self._read, pipe)
        self._loop.add_reader(self._pidfd, self._exited)

    def signal(self, number: signal.Signals) -> None:
        """To the child itself; SIGKILL to its whole group."""
        if number == signal.SIGKILL:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, number)
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._pidfd, number)

    def resident_bytes(self) -> int | None:
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, IndexError, ValueError):
            return None
        return pages * os.sysconf("SC_PAGE_SIZE")

    def _heard(self, text: str) -> None:
        try:
            line = json.loads(text)
        except ValueError:
            line = None
        if isinstance(line, dict):
            self._listener.heard(line)
        else:
            self._listener.printed("link", text[:200])

    def _read(self, pipe: _Lines) -> None:
        if not pipe.read():
            self._loop.remove_reader(pipe.descriptor)

    def _exited(self) -> None:
        # The child is a zombie until `wait`, so its number, and with it the group's, belongs to nobody else.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for pipe in self._pipes:
            pipe.drain()
            self._loop.remove_reader(pipe.descriptor)
        self._loop.remove_reader(self._pidfd)
        code = self._popen.wait()
        os.close(self._pidfd)
        os.close(self._link)
        assert self._popen.stdout is not None  # noqa: S101
        assert self._popen.stderr is not None  # noqa: S101
        self._popen.stdout.close()
        self._popen.stderr.close()
        self._listener.ended(_how(code))


class _Lines:
    """The lines of a pipe, one by one, or with `whole` as many as one look finds. None is longer than `longest`."""

    def __init__(self, descriptor: int, got: Callable[[str], None], longest: int, *, whole: bool = False) -> None:
        os.set_blocking(descriptor, False)
        self.descriptor = descriptor
        self._got = got
        self._longest = longest
        self._whole = whole
        self._rest = b""

    def read(self) -> bool:
        """One look; False when there will be no more."""
        try:
            data = os.read(self.descriptor, _READ)
        except BlockingIOError:
            return True
        self._take(data)
        return bool(data)

    def drain(self) -> None:
        """All that is there now, also half a line; another process may hold the other end open for ever."""
        with contextlib.suppress(BlockingIOError):
            for _ in range(_LINK_PIPE // _READ):
                data = os.read(self.descriptor, _READ)
                if not data:
                    break
                self._take(data)
        self._take(b"")

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._longest or not data:
            lines.append(self._rest)
            self._rest = b""
        if self._whole:
            lines = [b"\n".join(lines)]
        for line in lines:
            if line.strip():
                self._got(line.decode(errors="replace").rstrip())


def _how(code: int) -> str:
    """How a process ended, for people."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
