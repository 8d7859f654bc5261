from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from appliance.console import tls_front
from appliance.console.box import Box
from appliance.console.security import certificate
from appliance.console.serve import bind
from appliance.console.tls_front import Front
from tests.integration.console_server import trusting
from tests.running_box import free_port, wait_for


class Echo:
    """A server behind the front that sends back what it gets, and notes where from."""

    def __init__(self) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.came_from: list[str | None] = []
        self.front: Front
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                connection, address = self.listening.accept()
            except OSError:
                return
            self.came_from.append(self.front.clients.get(address[1]))
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(65536):
                connection.sendall(data)
                if data.endswith(b"bye"):
                    return


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listening.close()


@pytest.fixture
def front(box: Box, echo: Echo) -> Iterator[Front]:
    context = certificate.context(certificate.ensure(box))
    front = Front([bind("127.0.0.1", 0)], context, echo.listening.getsockname())
    echo.front = front
    front.start()
    yield front
    front.stop()
    assert not front.is_alive()


def visit(front: Front) -> ssl.SSLSocket:
    raw = socket.create_connection(front._listening[0].getsockname(), timeout=10)
    return trusting().wrap_socket(raw, server_hostname="box")


def read(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (data := connection.recv(65536)):
        found += data
    return found


def is_closed(connection: socket.socket) -> bool:
    """Whether the other side has hung up, in order or not; waits for it to say something."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_bytes_pass_both_ways_with_the_visitors_address(front: Front, echo: Echo) -> None:
    with visit(front) as connection:
        connection.sendall(b"hello")
        assert read(connection, 5) == b"hello"
        assert echo.came_from == ["127.0.0.1"]
        assert len(front.clients) == 1
    wait_for(lambda: not front.clients, seconds=10)


def test_megabytes_pass_whole_while_neither_side_hurries(front: Front) -> None:
    content = bytes(range(256)) * 40_000

    async def there_and_back() -> bytes:
        """On one thread: OpenSSL's connections are not for two at once."""
        port = front._listening[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusting(), server_hostname="box")
        writer.write(content)
        _, found = await asyncio.wait_for(asyncio.gather(writer.drain(), reader.readexactly(len(content))), 60)
        writer.close()
        return found

    assert asyncio.run(there_and_back()) == content


def test_what_the_server_said_last_still_arrives(front: Front) -> None:
    with visit(front) as connection:
        connection.sendall(bytes(1_000_000) + b"bye")
        assert read(connection, 2_000_000) == bytes(1_000_000) + b"bye"


def test_a_silent_visitor_does_not_reach_the_server(front: Front, echo: Echo) -> None:
    with visit(front), visit(front) as second:
        second.sendall(b"x")
        assert read(second, 1) == b"x"
        assert len(echo.came_from) == 1


def test_what_is_no_tls_is_turned_away(front: Front, echo: Echo) -> None:
    with socket.create_connection(front._listening[0].getsockname(), timeout=10) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: box\r\n\r\n")
        answer = read(connection, 1000)
    assert b"HTTP" not in answer
    assert echo.came_from == []
    wait_for(lambda: not front._visits, seconds=10)


def test_one_more_takes_the_place_of_the_most_silent(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls_front, "MAX_FROM_ONE", 3)
    with ExitStack() as stack:
        first, second, third = (stack.enter_context(visit(front)) for _ in range(3))
        first.sendall(b"still here")
        assert read(first, 10) == b"still here"
        fourth = stack.enter_context(visit(front))
        fourth.sendall(b"a")
        assert read(fourth, 1) == b"a"
        assert is_closed(second)
        first.sendall(b"b")
        third.sendall(b"c")
        assert (read(first, 1), read(third, 1)) == (b"b", b"c")


def test_when_all_places_are_taken_the_greediest_address_gives_way(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tls_front, "MAX_OPEN", 4)
    here = front._listening[0].getsockname()
    with ExitStack() as stack:
        greedy = [stack.enter_context(socket.create_connection(here)) for _ in range(3)]
        wait_for(lambda: len(front._visits) == 3, seconds=10)
        for _ in range(2):
            raw = socket.create_connection(here, timeout=10, source_address=("127.0.0.2", 0))
            other = stack.enter_context(trusting().wrap_socket(raw, server_hostname="box"))
            other.sendall(b"a")
            assert read(other, 1) == b"a"
        greedy[0].settimeout(10)
        assert greedy[0].recv(1) == b""
        assert sorted(one.address for one in front._visits) == ["127.0.0.1"] * 2 + ["127.0.0.2"] * 2


def test_a_server_that_is_gone_ends_the_visit(box: Box) -> None:
    context = certificate.context(certificate.ensure(box))
    front = Front([bind("127.0.0.1", 0)], context, ("127.0.0.1", free_port()))
    front.start()
    with visit(front) as connection:
        connection.sendall(b"hello")
        assert is_closed(connection)
        wait_for(lambda: not front.clients, seconds=10)
    front.stop()
