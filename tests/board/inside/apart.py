"""A store in a process of its own, which the flash may take down with it.

SQLite maps the index of its log into memory. When UBIFS has gone read-only and a process touches a page of that which
would have to be written, the kernel kills it (SIGBUS); the supervisor starts it again. A test would rather live on.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from tests.board.inside.stores import Store

_fork = multiprocessing.get_context("fork")


class Apart:
    """A `Store` that takes no more steps once its process was killed by the flash."""

    def __init__(self, make: Callable[[], Store]) -> None:
        self._asking, answering = _fork.Pipe()
        self._process = _fork.Process(target=_serve, args=(answering, make), daemon=True)
        self._process.start()
        answering.close()
        self.killed = False

    def step(self, number: int) -> bool:
        return bool(self._ask("step", number))

    def check(self, acknowledged: int) -> None:
        self._ask("check", acknowledged)

    def close(self) -> None:
        self._ask("close", None)
        self._process.join()

    def _ask(self, what: str, number: int | None) -> Any:
        if self.killed:
            return None
        try:
            self._asking.send((what, number))
            answer = self._asking.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            assert self._process.exitcode == -signal.SIGBUS, f"the process ended with {self._process.exitcode}"
            self.killed = True
            return None
        if isinstance(answer, BaseException):
            raise answer
        return answer


def _serve(asked: Connection, make: Callable[[], Store]) -> None:
    try:
        store = make()
        while True:
            match asked.recv():
                case "step", number:
                    asked.send(store.step(number))
                case "check", number:
                    store.check(number)
                    asked.send(None)
                case _:
                    store.close()
                    asked.send(None)
                    return
    except Exception as error:
        asked.send(error)
