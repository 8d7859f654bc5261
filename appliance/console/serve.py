"""Runs the console: waitress on loopback, and behind the TLS front a second one for the network.

Two web servers with threads of their own, because whatever the network does must not take the threads that the kiosk
and the operator at the box need. What waitress leaves open is closed here, before a request reaches a thread:

- A request's head must be there within `HEAD_S`, its body come at `BODY_RATE` after that; silence ends it after
  `SILENCE_S`.
- A body is read to the data disk before the application runs, so it may be large only if the application says so from
  the head alone: a view that takes files, asked by somebody who may, with enough space free. Any other is `MAX_BODY`.
- A connection from the TLS front gets its visitor's address; one from anybody else is closed.

Nothing is buffered beyond `HIGH_WATER` for a client that reads slowly: the thread waits, and files need none.
"""

from __future__ import annotations

import ctypes
import functools
import json
import logging
import resource
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from typing import Any, Final

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from appliance.console.box import Box
from appliance.console.security import certificate, first_boot
from appliance.console.sse import MAX_STREAMS
from appliance.console.tls_front import Front
from appliance.errors import UnhealthyError
from appliance.link import Link

log = logging.getLogger(__name__)

THREADS: Final = MAX_STREAMS + 16
CONNECTIONS: Final = 2000
HEAD_S: Final = 20.0
BODY_RATE: Final = 4096
"""Bytes a second."""
SILENCE_S: Final = 60
HIGH_WATER: Final = 256 * 1024
PIECE: Final = 64 * 1024
"""Bytes of a file that are read at a time to be sent."""
FILES: Final = 8192
"""Descriptors: a connection here and one to the front, with room for files."""
_STUCK_S: Final = 8.0
_ENDING_S: Final = 0.5
_UNACKNOWLEDGED_MS: Final = 30_000

Limit = Callable[[str, str, dict[str, str], str, str], int]
"""Method, path, headers, scheme and the visitor's address to bytes."""


class TooLarge:
    """Answers in waitress's place, in the console's form."""

    def __init__(self, limit: int) -> None:
        self._limit = limit

    def to_response(self, ident: str | None = None) -> tuple[str, list[tuple[str, str]], bytes]:  # noqa: ARG002
        message = f"the request is larger than {self._limit / 1e6:.0f} MB"
        body = {"message": message, "hint": "log in, send less, or make room on the data disk"}
        return "413 Content Too Large", [("Content-Type", "application/json")], json.dumps(body).encode()


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Bounds the body by what the head says. `limit` is set by the channel."""

    limit: Callable[[HTTPRequestParser], int]
    error: Any = None
    _allowed: int | None = None

    def received(self, data: bytes) -> int:
        consumed: int = super().received(data)
        if self.headers_finished and self.error is None and (self.chunked or self.content_length > 0):
            if self._allowed is None:
                self._allowed = self.limit(self)
            if max(self.content_length, self.body_bytes_received) > self._allowed:
                self.error = TooLarge(self._allowed)
                self.completed = True
                self.expect_continue = False
        return consumed


class Channel(HTTPChannel):  # type: ignore[misc]
    """Gives up on requests that take forever. `clients` are the front's, or None for the loopback server."""

    clients: dict[int, str] | None = None
    limit: Limit
    _began = 0.0

    def __init__(self, server: Any, sock: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002
        super().__init__(server, sock, addr, adj, map=map)
        self.sendbuf_len = PIECE  # else as much as the kernel's buffer holds, megabytes, for each connection
        if self.clients is not None:
            visitor = self.clients.get(addr[1])
            if visitor is None:
                self.will_close = True
            self.addr = (visitor or "0.0.0.0", addr[1])  # noqa: S104  an address of nobody

    def parser_class(self, adj: Any) -> Parser:
        parser = Parser(adj)
        parser.limit = self._limit_of
        return parser

    def _limit_of(self, request: HTTPRequestParser) -> int:
        return type(self).limit(request.command, request.path, request.headers, request.url_scheme, self.addr[0])

    def received(self, data: bytes) -> bool:
        before = self.request
        taken: bool = super().received(data)
        request, now = self.request, time.monotonic()
        if request is None or request is not before:
            self._began = now
        elif self._is_too_slow(request, now - self._began):
            self.will_close = True
        return taken

    def _is_too_slow(self, request: Any, seconds: float) -> bool:
        if not request.headers_finished:
            return seconds > HEAD_S
        return bool(request.body_bytes_received < (seconds - HEAD_S) * BODY_RATE)


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A web server on a bound socket, its loop on a thread of its own. `turned` says when the loop last turned."""

    turned = 0.0
    _stopping = False

    def __init__(
        self, app: Flask, bound: socket.socket, limit: Limit, *, clients: dict[int, str] | None = None
    ) -> None:
        adjustments = Adjustments(
            sockets=[bound],
            threads=THREADS,
            url_scheme="http" if clients is None else "https",
            ident=None,
            connection_limit=CONNECTIONS,
            cleanup_interval=10,
            channel_timeout=SILENCE_S,
            max_request_header_size=32 * 1024,
            max_request_body_size=1 << 50,  # the parser knows better
            outbuf_high_watermark=HIGH_WATER,
            channel_request_lookahead=1,  # so that a visitor who leaves is noticed
            log_socket_errors=False,
        )
        adjustments.socket_options = [
            (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
            (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS),
        ]
        self.channel_class = type("Channel", (Channel,), {"limit": staticmethod(limit), "clients": clients})
        dispatcher = ThreadedTaskDispatcher()
        dispatcher.set_thread_count(adjustments.threads)
        super().__init__(
            app.wsgi_app,
            {},
            True,
            bound,
            dispatcher=dispatcher,
            adj=adjustments,
            sockinfo=(bound.family, bound.type, bound.proto, bound.getsockname()),
            bind_socket=False,
        )
        self._thread = threading.Thread(target=self.run, name="web", daemon=True)

    def start(self) -> None:
        self.turned = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """Let short requests end, then close every connection."""
        self.task_dispatcher.shutdown(timeout=_ENDING_S)
        self._stopping = True
        self.pull_trigger()
        self._thread.join(timeout=_ENDING_S)
        self.asyncore.close_all(self._map)  # not by the loop itself: until here its trigger may be pulled

    def run(self) -> None:
        while not self._stopping:
            self.turned = time.monotonic()
            self.asyncore.loop(timeout=self.adj.asyncore_loop_timeout, use_poll=True, map=self._map, count=1)

    def is_alive(self) -> bool:
        return self._thread.is_alive() and time.monotonic() - self.turned < _STUCK_S


def serve(app: Flask, link: Link, *, host: str | None = None, port: int | None = None) -> None:
    """Serve until SIGTERM. `host` and `port` override the settings'; port 0 is any free one, said in the log."""
    from appliance.console.admission import body_limit  # which recovery, serving with the same parts, has not

    box: Box = app.extensions["box"]
    settings = box.settings()
    _raise_descriptors()
    _keep_memory_small()
    # Of every visitor who leaves before the end of a stream it would say so.
    logging.getLogger("waitress").setLevel(logging.WARNING)
    # Bodies are kept where uploads go, not in memory, which is what /tmp is on the box.
    tempfile.tempdir = str(box.volumes.uploads)

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, lambda *_: stopping.set())

    limit = functools.partial(body_limit, app)
    everywhere = settings.http_on_lan and host is None
    local = bind("" if everywhere else host or settings.host, settings.port if port is None else port)
    running: list[Listener | Front] = [Listener(app, local, limit)]
    log.info("serving HTTP on %s port %d", *local.getsockname()[:2])
    if settings.lan:
        inner = bind("127.0.0.1", 0)
        outer = bind("", settings.https_port)
        front = Front([outer], certificate.context(certificate.ensure(box)), inner.getsockname())
        running += [Listener(app, inner, limit, clients=front.clients), front]
        log.info("serving HTTPS on port %d, certificate %s", outer.getsockname()[1], certificate.fingerprint(box))
    first_boot.make_code(box)
    for part in running:
        part.start()
    link.ready()
    while not stopping.wait(1.0):
        if all(part.is_alive() for part in running):
            link.beat()
    for part in running:
        part.stop()


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; an empty host is every address of both families. `UnhealthyError` if that cannot be had."""
    try:
        if host:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            bound = socket.create_server((host, port), family=family, backlog=1024)
        elif socket.has_dualstack_ipv6():
            bound = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=1024)
        else:
            bound = socket.create_server(("", port), backlog=1024)
    except OSError as error:
        raise UnhealthyError(
            f"the console cannot listen on {host or 'all addresses'} port {port}: {error.strerror}",
            hint="stop what uses that port, or give another one with `--port` or in the settings",
        ) from error
    bound.setblocking(False)
    return bound


def _keep_memory_small() -> None:
    """Let the C library give memory back that many threads, or one argon2 hash of 19 MiB, took for a moment.

    By default it keeps a heap for each thread and learns from one large block to keep all later ones. A fifth less is
    resident so. Numbers from malloc.h: M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX. Other C libraries have no such
    thing, nor the need.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for parameter, value in ((-1, 256 * 1024), (-3, 256 * 1024), (-8, 2)):
            mallopt(parameter, value)


def _raise_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
