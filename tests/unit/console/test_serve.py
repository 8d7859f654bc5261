from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from apiflask import APIFlask

from appliance.console import serve
from appliance.console.serve import Listener, bind
from appliance.errors import UnhealthyError
from tests.integration.console_server import Client
from tests.running_box import wait_for

LIMIT = 1000


@pytest.fixture
def server(app: APIFlask) -> Iterator[Listener]:
    listener = Listener(app, bind("127.0.0.1", 0), lambda *_: LIMIT)
    listener.start()
    yield listener
    listener.stop()
    assert not listener.is_alive()


@pytest.fixture
def port(server: Listener) -> int:
    return int(server.effective_port)


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has hung up; sends a byte to find out."""
    connection.settimeout(0.05)
    try:
        connection.sendall(b"a")
        return connection.recv(1000) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_port_in_use_is_said_with_what_to_do() -> None:
    with bind("127.0.0.1", 0) as taken, pytest.raises(UnhealthyError, match="port") as refused:
        bind("127.0.0.1", taken.getsockname()[1])
    assert "--port" in refused.value.hint


def test_both_families_are_served_where_there_are_two() -> None:
    with bind("", 0) as both:
        socket.create_connection(("127.0.0.1", both.getsockname()[1])).close()
        if both.family == socket.AF_INET6:
            socket.create_connection(("::1", both.getsockname()[1])).close()


def test_a_body_over_its_limit_is_refused_as_the_api_would(port: int) -> None:
    client = Client(port)
    answer = client.ask("POST", "/api/v1/login", body=bytes(LIMIT + 1))
    assert answer.status == 413
    assert answer.json["hint"]
    assert client.ask("POST", "/api/v1/login", body=bytes(LIMIT)).status == 403


def test_a_body_in_pieces_counts_as_it_comes(port: int) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(5):
            yield bytes(300)

    try:
        answer = Client(port).ask("POST", "/login", body=pieces(), headers={"Transfer-Encoding": "chunked"})
        assert answer.status == 413
    except ConnectionError:
        pass  # it hung up while the rest still came, which is as good


def test_a_client_that_asks_first_is_not_told_to_go_on(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(
            b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5000\r\nExpect: 100-continue\r\n\r\n"
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "head", [b"GET /login HTTP/1.1\r\nX: ", b"POST /login HTTP/1.1\r\nContent-Length: 900\r\n\r\n"]
)
def test_a_request_that_never_ends_is_given_up(port: int, head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "HEAD_S", 0.3)
    monkeypatch.setattr(serve, "BODY_RATE", 4096)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head)
        wait_for(lambda: is_closed(connection), seconds=20)


def test_an_endless_head_is_refused(port: int) -> None:
    answer = Client(port).ask("GET", "/login", headers={"X-Long": "a" * 40_000})
    assert answer.status == 431


def test_a_stranger_behind_the_front_is_turned_away(app: APIFlask) -> None:
    clients: dict[int, str] = {}
    listener = Listener(app, bind("127.0.0.1", 0), lambda *_: LIMIT, clients=clients)
    listener.start()
    here = ("127.0.0.1", int(listener.effective_port))
    try:
        with pytest.raises(OSError, match=r".*"):
            Client(here[1]).get("/healthz")
        with socket.socket() as connection:
            connection.bind(("127.0.0.1", 0))
            clients[connection.getsockname()[1]] = "192.0.2.1"
            connection.connect(here)
            connection.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert b'"who":"nobody"' in answer
        assert b"; Secure;" in answer
    finally:
        listener.stop()
