from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from appliance.console.box import Box
from appliance.storage.logs import LogWriter


@pytest.fixture
def written(box: Box) -> Iterator[list[int]]:
    """Ids of six records."""
    box.volumes.logs.mkdir(parents=True)
    writer = LogWriter(box.volumes.logs, total_bytes=1_000_000)
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "INFO", "INFO")
    made = [
        writer.append(level, "worker" if number % 2 else "console", f"message {number}", t=1000.0 + number)
        for number, level in enumerate(levels)
    ]
    writer.flush()
    yield [record.id for record in made]
    writer.close()


def listed(owner: FlaskClient, query: str = "") -> list[int]:
    answer = owner.get(f"/api/v1/logs?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return [record["id"] for record in answer.json["records"]]


def test_records_are_listed_oldest_first_and_filtered(owner: FlaskClient, written: list[int]) -> None:
    assert listed(owner) == written
    assert listed(owner, "limit=2") == written[-2:]
    assert listed(owner, f"after={written[1]}&limit=2") == written[2:4]
    assert listed(owner, "level=WARNING") == written[2:4]
    assert listed(owner, "part=worker") == written[1::2]
    assert listed(owner, "since=1002&until=1003.5") == written[2:4]


@pytest.mark.parametrize("query", ["limit=0", "limit=5000", "level=LOUD", "since=x", "after=x", "part=" + "x" * 200])
def test_a_senseless_question_is_refused(owner: FlaskClient, query: str) -> None:
    assert owner.get(f"/api/v1/logs?{query}").status_code == 422


@pytest.mark.usefixtures("written")
def test_records_are_downloaded_as_text_or_lines_of_json(owner: FlaskClient) -> None:
    text = owner.get("/api/v1/logs/download?level=WARNING")
    assert text.headers["Content-Disposition"] == "attachment; filename=mouthpiece.log"
    assert text.text.splitlines()[0] == "1970-01-01T00:16:42Z WARNING console: message 2"
    lines = owner.get("/api/v1/logs/download?json=true").text.splitlines()
    assert [json.loads(line)["message"] for line in lines] == [f"message {number}" for number in range(6)]


def test_without_a_supervisor_a_stream_ends_and_the_browser_comes_again(owner: FlaskClient) -> None:
    for path in ("events", "logs/stream"):
        answer = owner.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.mimetype) == (200, "text/event-stream")
        assert answer.text == "retry: 2000\n\n"


@pytest.mark.parametrize("last", ["x", "1.5", "-1", "9" * 30, "²"])
def test_a_foreign_event_id_is_refused(owner: FlaskClient, last: str) -> None:
    answer = owner.get("/api/v1/logs/stream", headers={"Last-Event-ID": last.encode("latin-1").decode("latin-1")})
    assert answer.status_code == 400
