"""The running console under more load than it will ever have: it still answers, and stays below 90 MB."""

from __future__ import annotations

import contextlib
import resource
import socket
import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from appliance.console import sse, tls_front
from appliance.control import Control
from appliance.volumes import Volumes
from tests.integration.console_server import Client, Console, Stream, running, say, set_up_box, trusting
from tests.running_box import free_port, wait_for

MOST_MB = 90
HEAVY = ("numpy", "/cv2/", "libtorch", "onnxruntime", "libavcodec", "/PIL/")


@pytest.fixture(scope="module", autouse=True)
def _descriptors() -> Iterator[None]:
    """A thousand sockets at this end too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with set_up_box(tmp_path_factory.mktemp("box")) as started:
        yield started


@pytest.fixture(scope="module")
def owner(box: Console) -> Client:
    return box.client().log_in()


def test_a_normal_request_is_served_beside_idle_slow_and_streaming_clients(box: Console, owner: Client) -> None:
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", box.port))) for _ in range(1000)]
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", box.port))) for _ in range(200)]
        for connection in slow:
            connection.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        streams = [stack.enter_context(Stream(owner, "/api/v1/logs/stream?part=test")) for _ in range(50)]
        assert {stream.status for stream in streams} == {200}
        say(box, "hello, everybody")
        heard = {stream.until("hello, everybody")[-1][0] for stream in streams}
        assert len(heard) == 1
        for connection in slow:
            connection.sendall(b"a")
        assert owner.get("/api/v1/jobs").status == 200
        assert owner.get("/").status == 200
        assert len(idle) == 1000
        assert box.resident_mb < MOST_MB
    loaded = box.mapped()
    assert not [name for name in HEAVY if name in loaded]
    assert "_ssl" in loaded, "the control: what is loaded shows"


@pytest.mark.slow
def test_a_head_that_never_ends_is_given_up(box: Console) -> None:
    with socket.create_connection(("127.0.0.1", box.port)) as connection:
        connection.settimeout(1.0)
        connection.sendall(b"GET /login HTTP/1.1\r\nX-Slow: ")

        def is_closed() -> bool:
            try:
                connection.sendall(b"a")
                return connection.recv(1) == b""
            except TimeoutError:
                return False
            except ConnectionError:
                return True

        wait_for(is_closed, seconds=60)


def test_streams_end_at_their_bound_and_places_come_back(owner: Client) -> None:
    with ExitStack() as stack:
        streams = [stack.enter_context(Stream(owner, "/api/v1/events")) for _ in range(sse.MAX_STREAMS)]
        assert {stream.status for stream in streams} == {200}
        refused = owner.get("/api/v1/logs/stream")
        assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
        assert owner.get("/api/v1/status").status == 200

    def has_place() -> bool:
        with Stream(owner, "/api/v1/events") as stream:
            return stream.status == 200

    wait_for(has_place, seconds=30)


def test_a_stream_that_reconnects_loses_and_repeats_nothing(box: Console, owner: Client) -> None:
    path, last = "/api/v1/logs/stream?part=test", ""
    heard: list[str] = []
    for turn in range(5):
        say(box, f"before {turn}")
        with Stream(owner, path, after=last) as stream:
            say(box, f"turn {turn}")
            heard += [str(event["message"]) for _, event in stream.until(f"turn {turn}")]
            last = stream.last
    begun = heard.index("before 0")
    assert heard[begun:] == [f"{word} {turn}" for turn in range(5) for word in ("before", "turn")]


def test_events_go_on_where_they_were(box: Console, owner: Client) -> None:
    control = Control(Volumes(box.root))
    with Stream(owner, "/api/v1/events") as stream:
        control.ask("announce", name="first", value={"n": 1})
        wait_for(lambda: next(event for _, event in stream.events() if event["name"] == "first"))
        last = stream.last
    control.ask("announce", name="second", value={"n": 2})
    with Stream(owner, "/api/v1/events", after=last) as stream:
        _, event = next(stream.events())
    assert event == {"name": "second", "value": {"n": 2}}


def test_a_client_that_stops_reading_holds_up_nobody(box: Console, owner: Client) -> None:
    upload = owner.ask("POST", "/api/v1/uploads?name=a.wav", body=b"no sound").json["id"]
    job = owner.post("/api/v1/jobs", {"avatar": "demo", "audio": {"upload": upload}}).json["id"]
    video = box.root / "data" / "outputs" / f"{job}.mp4"
    wait_for(lambda: owner.get(f"/api/v1/jobs/{job}").json["state"] == "failed")
    video.parent.mkdir(parents=True, exist_ok=True)
    with video.open("wb") as file:
        file.truncate(500_000_000)
    cookies = "; ".join(f"{name}={value}" for name, value in owner.cookies.items())
    request = (
        f"GET /api/v1/jobs/{job}/video.mp4 HTTP/1.1\r\nHost: localhost\r\nRange: bytes=5-\r\nCookie: {cookies}\r\n\r\n"
    )
    before = box.resident_mb
    with ExitStack() as stack:
        for _ in range(100):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", box.port)))
            connection.sendall(request.encode())
            assert connection.recv(12) == b"HTTP/1.1 206"
        assert owner.get("/api/v1/jobs").status == 200
        assert box.resident_mb < min(before + 15, MOST_MB)


def test_the_network_is_served_beside_hundreds_of_idle_visitors(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path) as console:
        owner = console.client().log_in("setup")
        owner.ask("PATCH", "/api/v1/settings", json={"lan": True, "https_port": port})
    with running(tmp_path, tls_port=port) as console, ExitStack() as stack:
        assert "cryptography" in console.mapped(), "the control: at the first start it makes its certificate"
    with running(tmp_path, tls_port=port) as console, ExitStack() as stack:
        assert "cryptography" not in console.mapped()
        silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(500)]
        assert len(silent) == 500
        shaken = [_visit(stack, port) for _ in range(200)]
        visitor = console.client(tls=True).log_in()
        assert visitor.get("/api/v1/jobs").status == 200
        assert console.resident_mb < MOST_MB
        open_ones = wait_for(lambda: [visit for visit in shaken if _is_open(visit)])
        assert len(open_ones) <= tls_front.MAX_FROM_ONE


def _visit(stack: ExitStack, port: int) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", port))
    return stack.enter_context(trusting().wrap_socket(raw, server_hostname="box"))


def _is_open(visit: ssl.SSLSocket) -> bool:
    visit.settimeout(0.01)
    try:
        return visit.recv(1) != b""
    except TimeoutError:
        return True
    except OSError:
        return False


@pytest.mark.slow
def test_a_visitor_who_sends_no_request_has_to_leave(tmp_path: Path) -> None:
    port = free_port()
    with running(tmp_path) as console:
        console.client().log_in("setup").ask("PATCH", "/api/v1/settings", json={"lan": True, "https_port": port})
    with running(tmp_path, tls_port=port), ExitStack() as stack:
        visit = _visit(stack, port)
        visit.settimeout(tls_front.PATIENCE_S + 30)
        with contextlib.suppress(ConnectionError):
            assert visit.recv(1) == b""
