"""The client of the control socket against a server that misbehaves; a real one is in the integration tests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.control import MAX_PATH, Control, NotRunningError, short_path
from appliance.errors import InputError, UnhealthyError
from appliance.volumes import Volumes

Serve = Callable[[socket.socket], object]


@pytest.fixture
def answered_by(tmp_path: Path) -> Iterator[Callable[[Serve], Control]]:
    """A control whose one connection is served by the function given."""
    volumes = Volumes(tmp_path)
    volumes.run.mkdir()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(volumes.run / "control.sock"))
    server.listen()
    threads = []

    def start(serve: Serve) -> Control:
        def run() -> None:
            end, _ = server.accept()
            with end:
                serve(end)

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return Control(volumes, timeout_s=0.2)

    yield start
    for thread in threads:
        thread.join()
    server.close()


def asked(end: socket.socket) -> bytes:
    return end.makefile("rb").readline()


def test_question_and_answer(answered_by: Callable[[Serve], Control]) -> None:
    heard = []

    def serve(end: socket.socket) -> None:
        heard.append(asked(end))
        end.sendall(b'{"ok": true, "message": "done"}\n')

    assert answered_by(serve).ask("fix", check="space") == {"message": "done"}
    assert heard == [b'{"do": "fix", "check": "space"}\n']


def test_silence_is_an_unhealthy_box(answered_by: Callable[[Serve], Control]) -> None:
    over = threading.Event()
    control = answered_by(lambda _: over.wait(20))
    with pytest.raises(UnhealthyError, match="did not answer"):
        control.ask("status")
    over.set()


@pytest.mark.parametrize("said", [b"", b'{"ok": true, "half'])
def test_a_supervisor_that_dies_over_its_answer(answered_by: Callable[[Serve], Control], said: bytes) -> None:
    def serve(end: socket.socket) -> None:
        asked(end)
        end.sendall(said)

    with pytest.raises(NotRunningError):
        answered_by(serve).ask("status")


def test_a_stream_ends_with_the_supervisor(answered_by: Callable[[Serve], Control]) -> None:
    def serve(end: socket.socket) -> None:
        asked(end)
        end.sendall(b'{"ok": true, "event": 1}\n{"ok": true, "ev')

    assert list(answered_by(serve).stream("watch")) == [{"event": 1}]


@pytest.mark.parametrize(("code", "kind"), [(1, InputError), (3, UnhealthyError)])
def test_refusals(answered_by: Callable[[Serve], Control], code: int, kind: type[Exception]) -> None:
    def serve(end: socket.socket) -> None:
        asked(end)
        end.sendall(b'{"ok": false, "message": "no", "hint": "try later", "exit": %d}\n' % code)

    with pytest.raises(kind, match="no") as refused:
        answered_by(serve).ask("record")
    assert refused.value.hint == "try later"  # type: ignore[attr-defined]


def test_nobody_listens_on_a_socket_that_was_left_behind(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    volumes.run.mkdir()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(volumes.run / "control.sock"))
    with pytest.raises(NotRunningError, match="not running"):
        Control(volumes).ask("status")


def test_a_path_of_any_length_has_a_short_name(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 200)
    deep.mkdir()
    with short_path(deep / "control.sock") as name:
        assert len(name) <= MAX_PATH
        Path(name).write_text("here")
    assert (deep / "control.sock").read_text() == "here"
    with short_path(Path("/run/control.sock")) as name:
        assert name == "/run/control.sock"
