"""A child's line to its supervisor, over a real pipe."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from appliance import link as links
from appliance.link import MAX_LINE, VARIABLE, Link


class Pipe:
    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        os.set_blocking(self.reader, False)
        self.link = Link(self.writer)

    def lines(self) -> list[dict[str, Any]]:
        data = b""
        try:
            while piece := os.read(self.reader, 65536):
                data += piece
        except BlockingIOError:
            pass
        assert data == b"" or data.endswith(b"\n")
        assert all(len(line) < MAX_LINE for line in data.split(b"\n"))
        return [json.loads(line) for line in data.splitlines()]


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    os.close(made.reader)
    os.close(made.writer)


def test_each_word_is_a_line(pipe: Pipe) -> None:
    pipe.link.ready()
    pipe.link.beat()
    pipe.link.state("job:1", {"share": 0.5})
    pipe.link.state("job:1", None)
    pipe.link.log("INFO", "render", "grüezi", frames=3)
    *first, record = pipe.lines()
    assert first == [
        {"k": "ready"},
        {"k": "beat"},
        {"k": "state", "name": "job:1", "value": {"share": 0.5}},
        {"k": "state", "name": "job:1", "value": None},
    ]
    assert record.pop("t") > 1_700_000_000
    assert record == {"k": "log", "level": "INFO", "part": "render", "message": "grüezi", "fields": {"frames": 3}}


@pytest.mark.parametrize("message", ["x" * 100_000, "口" * 100_000, '"' * 100_000, "\x00" * 100_000])
def test_a_long_message_is_cut_and_stays_one_line(pipe: Pipe, message: str) -> None:
    pipe.link.log("ERROR", "render", message)
    (record,) = pipe.lines()
    assert record["level"] == "ERROR"
    assert message.startswith(record["message"])
    assert len(record["message"]) == 8000


def test_a_line_that_is_too_long_is_left_out_and_said(pipe: Pipe) -> None:
    pipe.link.state("job:1", {"title": "x" * MAX_LINE})
    pipe.link.log("INFO", "render", "much", more="y" * MAX_LINE)
    state, record = pipe.lines()
    assert state["message"].startswith("the state job:1 of 65")
    assert record["message"].startswith("a record of 65")


def test_the_latest_value_of_a_state_gets_through_however_slowly_the_supervisor_reads(pipe: Pipe) -> None:
    for number in range(20_000):
        pipe.link.log("INFO", "render", f"{number} {'x' * 40}")
    for share in (0.25, 0.5, 1.0):
        pipe.link.state("job:1", {"share": share})
    pipe.link.state("job:2", None)
    data = os.read(pipe.reader, 1 << 20)
    pipe.link.beat()
    data += os.read(pipe.reader, 1 << 20)
    read = [json.loads(line) for line in data.splitlines()]
    states = {line["name"]: line["value"] for line in read if line["k"] == "state"}
    assert states == {"job:1": {"share": 1.0}, "job:2": None}
    assert read[-1] == {"k": "beat"}


def test_a_lone_surrogate_is_no_error(pipe: Pipe) -> None:
    pipe.link.log("INFO", "render", os.fsdecode(b"caf\xe9.wav"))
    assert pipe.lines()[0]["message"] == "caf?.wav"


def test_a_line_larger_than_the_room_left_arrives_whole_once_there_is_room(pipe: Pipe) -> None:
    large = {"text": "x" * 50_000}
    for name in "abc":
        pipe.link.state(name, large)
    data = os.read(pipe.reader, 1 << 20)
    assert not data.endswith(b"\n")
    for _ in range(2):
        pipe.link.beat()
        data += os.read(pipe.reader, 1 << 20)
    lines = [json.loads(line) for line in data.splitlines()]
    assert [line.get("name", line["k"]) for line in lines] == ["a", "b", "c", "beat", "beat"]
    assert [line.get("value") for line in lines] == [large, large, large, None, None]


def test_what_does_not_fit_the_pipe_is_dropped_and_counted(pipe: Pipe) -> None:
    for number in range(3000):
        pipe.link.log("INFO", "render", f"line {number} {'x' * 100}")
    kept = pipe.lines()
    assert 0 < len(kept) < 3000
    pipe.link.log("INFO", "render", "room again")
    waited, note, last = pipe.lines()
    assert waited["message"].startswith(f"line {len(kept)} ")
    assert note["level"] == "WARNING"
    assert note["message"] == f"{3000 - len(kept) - 1} lines were dropped"
    assert last["message"] == "room again"


def test_lines_of_many_threads_never_mix(pipe: Pipe) -> None:
    def talk(name: str) -> None:
        for number in range(20):
            pipe.link.log("INFO", name, f"{number} {'x' * 100}")

    threads = [threading.Thread(target=talk, args=(name,)) for name in "abcdefgh"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = [(line["part"], line["message"].split()[0]) for line in pipe.lines()]
    assert len(said) == 160
    for name in "abcdefgh":
        assert [number for part, number in said if part == name] == [str(number) for number in range(20)]


def test_a_supervisor_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    link = Link(writer)
    os.close(reader)
    link.beat()
    assert not link.connected
    link.log("INFO", "render", "to nobody")
    os.close(writer)


def test_no_grandchild_inherits_the_link(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    os.set_inheritable(pipe.writer, True)
    monkeypatch.setenv(VARIABLE, str(pipe.writer))
    assert Link.from_environment().connected
    assert VARIABLE not in os.environ
    code = f"import os; os.fstat({pipe.writer})"
    done = subprocess.run([sys.executable, "-c", code], close_fds=False, capture_output=True, text=True, check=False)
    assert "Bad file descriptor" in done.stderr


def test_without_a_supervisor_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    link = Link.from_environment()
    assert not link.connected
    link.ready()
    link.state("a", {})


@pytest.fixture
def root_logger() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers, root.level = handlers, level


def test_what_a_process_logs_goes_over_the_link(pipe: Pipe, root_logger: logging.Logger) -> None:
    links.set_up_logging(pipe.link, "WARNING")
    assert root_logger.level == logging.WARNING
    logging.getLogger("appliance.jobs.worker").info("not this")
    logging.getLogger("appliance.jobs.worker").warning("disk is at %d %%", 93)
    try:
        raise ZeroDivisionError("by zero")
    except ZeroDivisionError:
        logging.getLogger("waitress").exception("a bug")
    first, second = pipe.lines()
    assert (first["level"], first["part"], first["message"]) == ("WARNING", "jobs.worker", "disk is at 93 %")
    assert (second["level"], second["part"]) == ("ERROR", "waitress")
    assert second["message"].startswith("a bug\nTraceback")
    assert second["message"].endswith("ZeroDivisionError: by zero")


def test_in_a_terminal_records_go_to_standard_error() -> None:
    code = (
        "import logging; from appliance.link import Link, set_up_logging; set_up_logging(Link.from_environment());"
        "logging.getLogger('appliance.jobs').warning('careful')"
    )
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout, done.stderr) == ("", "WARNING appliance.jobs: careful\n")
