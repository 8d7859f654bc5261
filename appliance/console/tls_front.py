"""TLS for the local network: an asyncio loop that ends TLS and passes the bytes on to the web server on loopback.

What it promises to the web server behind it: connections come only while its bounds hold, each with an address in
`clients` under the local port that it comes from, entered before the connection is made and removed after it is gone.
The web server is reached only when a visitor has sent something, so silent connections cost it nothing.

Bounds: `MAX_OPEN` connections, `MAX_FROM_ONE` from one address. One more does not get refused; it takes the place of
that which has been silent longest, among those of the same address or, when all places are taken, of the address that
has most. So nobody can keep others out by holding connections open. A handshake, and then the first request's first
byte, must come within `PATIENCE_S`; how long a request may take is the web server's affair.
"""

from __future__ import annotations

import asyncio
import asyncio.sslproto
import contextlib
import logging
import socket
import ssl
import threading
import time
from collections import Counter
from typing import Any, Final, cast

log = logging.getLogger(__name__)

MAX_OPEN: Final = 256
MAX_FROM_ONE: Final = 128
PATIENCE_S: Final = 15.0
_BUFFER: Final = 16 * 1024
"""Bytes of a connection's TLS buffer, the size of a TLS record; asyncio's own 256 KiB each would be 64 MB in all."""


class Front:
    """Runs on a thread of its own from `start` to `stop`."""

    def __init__(self, listening: list[socket.socket], context: ssl.SSLContext, target: tuple[str, int]) -> None:
        self.clients: dict[int, str] = {}
        self._listening = listening
        self._context = context
        self._target = target
        self._visits: set[_Visit] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="tls", daemon=True)

    def start(self) -> None:
        asyncio.sslproto.SSLProtocol.max_size = _BUFFER
        self._thread.start()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=2)

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_unexpected)
        accepting = [self._loop.create_task(self._accept(listening)) for listening in self._listening]
        self._loop.run_forever()
        for visit in list(self._visits):
            visit.close()
        for task in accepting:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(self._loop), return_exceptions=True))
        for listening in self._listening:
            listening.close()
        self._loop.close()

    async def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, address = await self._loop.sock_accept(listening)
            except OSError:  # out of descriptors, or the visitor has left already
                await asyncio.sleep(0.1)
                continue
            connection.setblocking(False)
            visit = _Visit(self, connection, _plain(str(address[0])))
            self._make_room(visit.address)
            self._visits.add(visit)
            visit.begin()

    def _make_room(self, address: str) -> None:
        number = Counter(visit.address for visit in self._visits)
        if number[address] >= MAX_FROM_ONE:
            crowded = address
        elif len(self._visits) >= MAX_OPEN:
            crowded = number.most_common(1)[0][0]
        else:
            return
        min((visit for visit in self._visits if visit.address == crowded), key=lambda visit: visit.active).close()

    # What a visit uses.

    def begin(self, visit: _Visit) -> asyncio.Task[None]:
        return self._loop.create_task(visit.shake_hands(self._loop, self._context))

    def expect(self, visit: _Visit) -> asyncio.TimerHandle:
        return self._loop.call_later(PATIENCE_S, visit.close)

    def connect(self, visit: _Visit) -> asyncio.Task[None]:
        return self._loop.create_task(self._reach_server(visit))

    async def _reach_server(self, visit: _Visit) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        connection.bind(("127.0.0.1", 0))
        visit.port = connection.getsockname()[1]
        self.clients[visit.port] = visit.address
        try:
            await self._loop.sock_connect(connection, self._target)
            await self._loop.create_connection(lambda: _Server(visit), sock=connection)
        except OSError:
            connection.close()
            visit.close()

    def forget(self, visit: _Visit) -> None:
        self._visits.discard(visit)
        if visit.port:
            self.clients.pop(visit.port, None)


class _Visit(asyncio.Protocol):
    """A connection from the network."""

    def __init__(self, front: Front, connection: socket.socket, address: str) -> None:
        self.address = address
        self.port = 0
        self.active = time.monotonic()
        self._front = front
        self._connection = connection
        self._transport: asyncio.Transport | None = None
        self._server: asyncio.Transport | None = None
        self._early = b""
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._task = self._front.begin(self)
        self._task.add_done_callback(self._after_handshake)

    async def shake_hands(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext) -> None:
        with contextlib.suppress(OSError):  # no TLS, or not in time
            await loop.connect_accepted_socket(
                lambda: self,
                self._connection,
                ssl=context,
                ssl_handshake_timeout=PATIENCE_S,
                ssl_shutdown_timeout=2,
            )

    def _after_handshake(self, task: asyncio.Task[None]) -> None:  # noqa: ARG002
        """A task may be cancelled before it has run at all, so this is not a part of it."""
        if self._transport is None:
            self._connection.close()
            self._front.forget(self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._timer = self._front.expect(self)

    def data_received(self, data: bytes) -> None:
        self.active = time.monotonic()
        if self._server is not None:
            self._server.write(data)
        elif self._transport is not None:
            if not self._early:
                self._transport.pause_reading()
                self._task = self._front.connect(self)
            self._early += data
            if self._timer is not None:
                self._timer.cancel()

    def server_reached(self, server: asyncio.Transport) -> None:
        if self._transport is None or self._transport.is_closing():
            server.abort()
            return
        self._server = server
        server.write(self._early)
        self._early = b""
        self._transport.resume_reading()

    def from_server(self, data: bytes) -> None:
        self.active = time.monotonic()
        if self._transport is not None:
            self._transport.write(data)

    def pause_writing(self) -> None:
        if self._server is not None:
            self._server.pause_reading()

    def resume_writing(self) -> None:
        if self._server is not None and not self._server.is_closing():
            self._server.resume_reading()

    def server_busy(self, busy: bool) -> None:
        if self._transport is not None and not self._transport.is_closing():
            (self._transport.pause_reading if busy else self._transport.resume_reading)()

    def server_left(self) -> None:
        """What it has sent still reaches the visitor."""
        if self._transport is not None:
            self._transport.close()

    def connection_lost(self, exception: Exception | None) -> None:  # noqa: ARG002
        if self._timer is not None:
            self._timer.cancel()
        if self._server is not None:
            self._server.abort()
        self._front.forget(self)

    def close(self) -> None:
        self._front.forget(self)  # its place is free now, not when the loop gets to it
        if self._transport is not None:
            self._transport.abort()
        elif self._task is not None:
            self._task.cancel()


class _Server(asyncio.Protocol):
    """The connection to the web server on a visit's behalf."""

    def __init__(self, visit: _Visit) -> None:
        self._visit = visit

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._visit.server_reached(cast(asyncio.Transport, transport))

    def data_received(self, data: bytes) -> None:
        self._visit.from_server(data)

    def pause_writing(self) -> None:
        self._visit.server_busy(True)

    def resume_writing(self) -> None:
        self._visit.server_busy(False)

    def connection_lost(self, exception: Exception | None) -> None:  # noqa: ARG002
        self._visit.server_left()


def _plain(address: str) -> str:
    """An IPv4 address that comes through an IPv6 socket, as IPv4; no interface name."""
    return address.removeprefix("::ffff:").partition("%")[0]


def _unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:  # noqa: ARG001
    error = context.get("exception")
    if not isinstance(error, OSError | ssl.SSLError):
        log.error("%s", context.get("message"), exc_info=error)
    with contextlib.suppress(Exception):
        log.debug("%s: %s", context.get("message"), error)
