from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from apiflask import APIFlask
from flask import Response

from appliance.console import media
from appliance.console.security.access import before_setup
from appliance.console.serve import Listener, bind
from tests.integration.console_server import Client

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "video.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def client(app: APIFlask, file: Path) -> Iterator[Client]:
    """Through the web server, which sends what a view only opens."""

    def view(name: str) -> Callable[[], Response]:
        return before_setup(lambda: media.send(file, "video/mp4", "video", download=name))

    app.add_url_rule("/video", "play", view(""))
    app.add_url_rule("/keep", "keep", view('Grüße "an\r\nalle".mp4'))
    bound = bind("127.0.0.1", 0)
    server = Listener(app, bound, lambda *_: 0)
    server.start()
    yield Client(bound.getsockname()[1])
    server.stop()


def test_the_whole_file_is_sent(client: Client) -> None:
    answer = client.get("/video")
    assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, CONTENT, "video/mp4")
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert "Content-Disposition" not in answer.headers


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [("0-0", 0, 1), ("5-9", 5, 10), ("10000-", 10_000, 10_240), ("-7", 10_233, 10_240), ("0-99999999", 0, 10_240)],
)
def test_a_range_is_sent(client: Client, wanted: str, start: int, end: int) -> None:
    answer = client.get("/video", Range=f"bytes={wanted}")
    assert (answer.status, answer.body) == (206, CONTENT[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/10240"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("wanted", ["10240-", "99999-100000"])
def test_a_range_behind_the_end_is_refused(client: Client, wanted: str) -> None:
    assert client.get("/video", Range=f"bytes={wanted}").status == 416


@pytest.mark.parametrize("wanted", ["bytes=x", "lines=1-2", "bytes=9-5", ""])
def test_a_range_that_is_none_gives_the_whole_file(client: Client, wanted: str) -> None:
    assert client.get("/video", Range=wanted).status in (200, 416)


def test_what_the_client_has_is_not_sent_again(client: Client, file: Path) -> None:
    tag = client.get("/video").headers["ETag"]
    again = client.get("/video", **{"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")
    file.write_bytes(CONTENT[1:])
    assert client.get("/video", **{"If-None-Match": tag}).status == 200


def test_a_range_of_a_file_that_has_changed_gives_the_new_file(client: Client, file: Path) -> None:
    tag = client.get("/video").headers["ETag"]
    headers = {"Range": "bytes=5-9", "If-Range": tag}
    assert client.get("/video", **headers).status == 206
    file.write_bytes(CONTENT[1:])
    assert client.get("/video", **headers).status == 200


def test_the_head_alone_has_the_length(client: Client) -> None:
    answer = client.ask("HEAD", "/video")
    assert (answer.headers["Content-Length"], answer.body) == ("10240", b"")


def test_a_title_cannot_break_out_of_its_header(client: Client) -> None:
    shown = client.get("/keep").headers["Content-Disposition"]
    assert shown == "attachment; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22an%0D%0Aalle%22.mp4"


def test_a_missing_file_is_404(client: Client, file: Path) -> None:
    file.unlink()
    assert client.get("/video").status == 404
