"""The supervisor's end of the control socket: framing, bounds and errors. `appliance.control` is the other end.

One question a connection, at most `MAX_QUESTION` bytes and within `QUESTION_S`; what is not a question gets an answer
that says so. A verb gives one answer or, being an async generator, a line for each item until it ends or the client
goes. A slow reader is waited for, alone: every line is drained before the next is made. The socket's file is only for
this user. At most `MAX_CONNECTIONS` at a time; one more is told so and closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

from appliance.control import SOCKET, short_path
from appliance.errors import ApplianceError, InputError, UnhealthyError

MAX_QUESTION: Final = 64 << 10
QUESTION_S: Final = 30.0
MAX_CONNECTIONS: Final = 400

Question = dict[str, Any]
Answer = dict[str, Any]
Verb = Callable[[Question], Awaitable[Answer] | AsyncIterator[Answer]]


class ControlServer:
    def __init__(self, folder: Path, verbs: Mapping[str, Verb], crashed: Callable[[str, Exception], None]) -> None:
        """`crashed` is told of a verb's exception that is nobody's mistake but ours."""
        self._path = folder / SOCKET
        self._verbs = verbs
        self._crashed = crashed
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._path.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            with short_path(self._path) as path:
                self._server = await asyncio.start_unix_server(
                    self._connected, path, limit=MAX_QUESTION, backlog=MAX_CONNECTIONS
                )
        finally:
            os.umask(before)

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  a coroutine always runs in one
        self._tasks.add(task)
        try:
            await self._serve(reader, writer)
            writer.close()
            await asyncio.wait_for(writer.wait_closed(), QUESTION_S)
        except (ConnectionError, TimeoutError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        verb = "?"
        try:
            if len(self._tasks) > MAX_CONNECTIONS:
                raise UnhealthyError("too many connections to the supervisor", hint="close some of them")
            question = await _question(reader)
            verb = question["do"]
            if verb not in self._verbs:
                raise InputError(f"the supervisor cannot {verb!r}", hint=f"it knows: {', '.join(self._verbs)}")
            answer = self._verbs[verb](question)
            if isinstance(answer, AsyncIterator):
                await _stream(reader, writer, answer)
            else:
                await _send(writer, {"ok": True, **await answer})
        except ApplianceError as error:
            refusal = {"ok": False, "message": error.message, "hint": error.hint, "exit": error.exit_code}
            await _send(writer, refusal)
        except ConnectionError:
            raise
        except Exception as error:
            self._crashed(verb, error)
            await _send(writer, {"ok": False, "message": f"the supervisor failed to {verb}: {error!r}", "exit": 3})


async def _question(reader: asyncio.StreamReader) -> Question:
    hint = 'send one line of JSON such as {"do": "status"}'
    try:
        line = await asyncio.wait_for(reader.readline(), QUESTION_S)
        question = json.loads(line)
    except TimeoutError as error:
        raise InputError(f"no question within {QUESTION_S:g} s", hint=hint) from error
    except (ValueError, RecursionError) as error:  # too long is a ValueError too
        raise InputError("that is not a question", hint=hint) from error
    if not isinstance(question, dict) or not isinstance(question.get("do"), str):
        raise InputError("that is not a question", hint=hint)
    return question


async def _stream(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, items: AsyncIterator[Answer]) -> None:
    """Send item after item; the end of the client's side ends the stream."""

    async def send() -> None:
        async for item in items:
            await _send(writer, {"ok": True, **item})

    sending, leaving = asyncio.create_task(send()), asyncio.create_task(_until_gone(reader))
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            await sending
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _until_gone(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(1024):
            pass


async def _send(writer: asyncio.StreamWriter, answer: Answer) -> None:
    writer.write(json.dumps(answer, separators=(",", ":"), default=str).encode() + b"\n")
    await writer.drain()
