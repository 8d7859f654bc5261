"""Fetching a file from a real web server on loopback."""

from __future__ import annotations

import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import CancelledError, InputError
from appliance.update import space
from appliance.update.fetch import fetched, is_url

CONTENT = os.urandom(1_000_000)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        match self.path:
            case "/redirect":
                self.send_response(302)
                self.send_header("Location", "/new.raucb")
                self.end_headers()
            case "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "file:///etc/passwd")
                self.end_headers()
            case "/new.raucb" | "/short":
                self.send_response(200)
                self.send_header("Content-Length", str(len(CONTENT)))
                self.end_headers()
                self.wfile.write(CONTENT[: -1 if self.path == "/short" else None])
            case "/unsized":
                self.send_response(200)
                self.end_headers()
                self.wfile.write(CONTENT)
            case _:
                self.send_error(404)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


@pytest.mark.parametrize("path", ["/new.raucb", "/redirect", "/unsized"])
def test_the_file_is_there_while_it_is_needed(server: str, tmp_path: Path, path: str) -> None:
    told: list[tuple[str, float, float]] = []
    with fetched(server + path, tmp_path, lambda *step: told.append(step)) as file:
        assert file.read_bytes() == CONTENT
    assert list(tmp_path.iterdir()) == []
    assert told[-1] == ("fetching", len(CONTENT), len(CONTENT))


@pytest.mark.parametrize(
    ("path", "reason"),
    [("/nothing", "404|Not Found"), ("/short", "ended early|IncompleteRead"), ("/elsewhere", "cannot be fetched")],
)
def test_what_cannot_be_had_is_said_and_leaves_nothing(server: str, tmp_path: Path, path: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason), fetched(server + path, tmp_path):
        raise AssertionError("it must not come so far")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "new.raucb", "http://[", "http://127.0.0.1:1/x"]
)
def test_what_is_no_web_address_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(InputError), fetched(url, tmp_path):
        raise AssertionError("it must not come so far")
    assert is_url(url) == url.startswith("http")


def test_called_off_it_leaves_nothing(server: str, tmp_path: Path) -> None:
    def stop(_stage: str, _done: float, _total: float) -> None:
        raise CancelledError()

    with pytest.raises(CancelledError), fetched(server + "/new.raucb", tmp_path, stop):
        raise AssertionError("it must not come so far")
    assert list(tmp_path.iterdir()) == []


def test_no_room_is_said_before_it_is_filled(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_SPARE", 1 << 60)
    with pytest.raises(InputError, match="MB free; this needs"), fetched(server + "/new.raucb", tmp_path):
        raise AssertionError("it must not come so far")
    assert list(tmp_path.iterdir()) == []
