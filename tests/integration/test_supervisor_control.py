"""The control socket of a real supervisor: many clients, rude ones, slow ones, and systemd beside it."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from appliance.control import Control
from appliance.errors import InputError, UnhealthyError
from appliance.supervisor.control import MAX_CONNECTIONS, MAX_QUESTION
from appliance.supervisor.journal import TAIL
from tests.integration.supervised import Box, supervised, until

WORKER = {"name": "worker", "kind": "good"}
CHATTY = {"name": "worker", "kind": "chatty"}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with supervised(tmp_path) as box:
        yield box


def connection(box: Box) -> socket.socket:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    end.settimeout(20)
    end.connect(str(box.volumes.run / "control.sock"))
    return end


def said(end: socket.socket) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(end.makefile("rb").readline())
    return answer


@pytest.mark.parametrize(
    "garbage",
    [
        b"\n",
        b"hello\n",
        b"\x00\xff\xfe\n",
        b"[]\n",
        b"{}\n",
        b'{"do": 7}\n',
        b'{"do": "dance"}\n',
        b'{"do": "logs", "limit": "many"}\n',
        b'{"do": "logs", "limit": 1e999}\n',
        b'{"do": "logs", "level": "LOUD"}\n',
        b'{"do": "announce", "name": "x", "value": 3}\n',
        b'{"do": "fix", "check": []}\n',
        b"[" * 60_000 + b"\n",
        b"x" * (MAX_QUESTION + 10) + b"\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=lambda garbage: garbage[:12].decode("latin-1").strip() or "empty",
)
def test_garbage_gets_a_clear_answer(garbage_box: Box, garbage: bytes) -> None:
    with connection(garbage_box) as end:
        end.sendall(garbage)
        answer = said(end)
    assert answer["ok"] is False
    assert answer["message"]
    assert answer["exit"] == 1, answer
    assert garbage_box.status()["children"]


@pytest.fixture(scope="module")
def garbage_box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    with supervised(tmp_path_factory.mktemp("garbage")) as box:
        box.start(WORKER)
        yield box


def test_half_lines_and_idle_clients_disturb_nobody(box: Box) -> None:
    box.start(WORKER)
    with ExitStack() as stack:
        for number in range(200):
            end = stack.enter_context(connection(box))
            if number % 2:
                end.sendall(b'{"do": "sta')
        box.until_state("worker", "ready")
        late = stack.enter_context(connection(box))
        late.sendall(b'{"do": "sta')
        late.sendall(b'tus"}\n')
        assert said(late)["ok"]
    assert box.status()["pid"] == box.process.pid  # type: ignore[union-attr]


def test_one_client_too_many_is_told_and_room_comes_back(box: Box) -> None:
    box.start(WORKER)
    with ExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            stack.enter_context(connection(box))
        with connection(box) as end:
            assert "too many connections" in said(end)["message"]
    until(lambda: _served(box), "there is room again")


def _served(box: Box) -> bool:
    try:
        return bool(box.status()["children"])
    except UnhealthyError:
        return False


def test_the_socket_is_only_for_its_user(box: Box) -> None:
    box.start(WORKER)
    assert stat.S_IMODE((box.volumes.run / "control.sock").stat().st_mode) == 0o600


def test_a_deep_path_still_has_a_socket(tmp_path: Path) -> None:
    root = tmp_path / ("d" * 60) / ("e" * 60)
    root.mkdir(parents=True)
    with supervised(root) as box:
        box.start(WORKER)
        assert box.until_state("worker", "ready")


def lines_of(records: list[dict[str, Any]]) -> list[int]:
    """The numbers that a chatty child counts in its records."""
    return [int(found[1]) for record in records if (found := re.fullmatch(r"line (\d+)", record["message"]))]


def test_a_slow_reader_stops_nobody_and_misses_nothing(box: Box) -> None:
    box.start(CHATTY)
    box.until_state("worker", "ready")
    with connection(box) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b'{"do": "logs", "after": 0, "follow": true}\n')
        # Far more than the records at hand and what the socket's buffers hold; meanwhile others are served.
        until(lambda: lines_of(box.records(limit=1)) > [3 * TAIL], "much was said")
        found: list[dict[str, Any]] = []
        for line in slow.makefile("rb"):
            found.append(json.loads(line)["record"])
            if lines_of(found[-1:]) >= [3 * TAIL]:
                break
    numbers = lines_of(found)
    assert numbers == list(range(1, len(numbers) + 1))
    assert [one["id"] for one in found] == sorted({one["id"] for one in found})


def test_a_follower_who_comes_back_misses_and_repeats_nothing(box: Box) -> None:
    box.start(CHATTY)
    found: list[dict[str, Any]] = []
    for _ in range(5):
        after = found[-1]["id"] if found else 0
        stream = box.control.stream("logs", timeout_s=20, after=after, follow=True)
        found += [line["record"] for line in itertools.islice((one for one in stream if "record" in one), 40)]
    numbers = lines_of(found)
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_follower_of_a_quiet_part_of_a_chatty_box_hears_that_it_is_there(box: Box) -> None:
    box.start(CHATTY)
    box.until_state("worker", "ready")
    stream = box.control.stream("logs", timeout_s=20, follow=True, level="ERROR")
    assert next(stream) == {"idle": True}


def test_a_long_answer_reaches_a_reader_who_takes_his_time(box: Box) -> None:
    box.start(WORKER)
    for number in range(200):
        box.control.ask("announce", name=f"job:{number}", value={"text": "x" * 3000})
    with connection(box) as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(b'{"do": "status"}\n')
        until(lambda: box.status(), "others are served meanwhile")
        assert len(said(slow)["states"]) > 200


def test_records_are_chosen_by_level_part_and_number(box: Box) -> None:
    box.start({"name": "worker", "kind": "printer"})
    box.until_state("worker", "ready")
    until(lambda: "serves" in box.messages(part="printer"), "the child's own record")
    assert {one["part"] for one in box.records(part="worker")} == {"worker"}
    assert {one["level"] for one in box.records(level="WARNING")} == {"WARNING"}
    everything = box.records()
    assert box.records(limit=2) == everything[-2:]
    assert box.records(after=everything[2]["id"])[: len(everything) - 3] == everything[3:]
    assert box.records(after=everything[2]["id"], limit=2) == everything[3:5]
    assert box.records(since=everything[-1]["t"] + 1000) == []
    box.control.ask("log", level="ERROR", part="console", message="somebody knocked")
    (last,) = box.records(limit=1, level="ERROR")
    assert (last["part"], last["message"]) == ("console", "somebody knocked")


def test_watching_gives_the_whole_then_changes_and_goes_on_after_an_id(box: Box) -> None:
    box.start(WORKER)
    box.until_state("worker", "ready")
    until(lambda: "state of good" in box.status()["states"], "the child's state")
    stream = box.control.stream("watch", timeout_s=20)
    first = {}
    for line in stream:
        first[line["event"]["name"]] = line["event"]
        if "state of good" in first and "findings" in first:
            break
    assert first["child:worker"]["value"]["state"] == "ready"
    box.control.ask("announce", name="job:1", value={"share": 0.5})
    event = next(line["event"] for line in stream if line.get("event", {}).get("name") == "job:1")
    assert event["value"] == {"share": 0.5}
    box.control.ask("announce", name="job:1", value=None)
    again = next(
        line["event"] for line in box.control.stream("watch", timeout_s=20, after=event["id"]) if "event" in line
    )
    assert (again["name"], again["value"]) == ("job:1", None)


def test_a_watcher_of_the_last_supervisor_gets_the_whole_from_the_next(box: Box) -> None:
    box.start(WORKER)
    box.until_state("worker", "ready")
    last = next(box.control.stream("watch", timeout_s=20))["event"]["id"]
    box.stop()
    box.start(WORKER)
    box.until_state("worker", "ready")
    names = set()
    for line in box.control.stream("watch", timeout_s=20, after=last):
        names.add(line["event"]["name"])
        if {"box", "child:worker"} <= names:
            return


def test_a_client_is_told_when_the_supervisor_dies(box: Box) -> None:
    box.start(WORKER)
    stream = box.control.stream("watch", timeout_s=20)
    next(stream)
    assert box.process is not None
    box.process.kill()
    box.process.wait()
    assert [line for line in stream if "event" not in line] == []
    with pytest.raises(UnhealthyError, match="not running"):
        box.status()


def test_a_refusal_is_the_same_error_on_the_other_side(box: Box) -> None:
    box.start(WORKER)
    with pytest.raises(InputError, match="cannot fix 'nonsense'") as refused:
        box.control.ask("fix", check="nonsense")
    assert "it can fix" in refused.value.hint


def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match="not running") as refused:
        Control(Box(tmp_path).volumes).ask("status")
    assert "mouthpiece run" in refused.value.hint


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(20)
        yield end


def environment(tmp_path: Path) -> dict[str, str]:
    return {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}


def test_systemd_is_told_when_everything_serves_and_fed_from_then_on(
    box: Box, systemd: socket.socket, tmp_path: Path
) -> None:
    console = {"name": "console", "kind": "console", "stops_last": True}
    box.start(WORKER, console, env=environment(tmp_path))
    heard: list[str] = []
    while heard.count("WATCHDOG=1") < 5 or "READY=1" not in heard:
        heard.append(systemd.recv(4096).decode())
    assert "STATUS=worker ready, console ready" in heard
    assert heard.count("READY=1") == 1
    box.stop()
    while "STOPPING=1" not in heard:
        heard.append(systemd.recv(4096).decode())
    assert heard.count("STOPPING=1") == 1


def test_systemd_is_told_that_it_started_although_a_child_fails(
    box: Box, systemd: socket.socket, tmp_path: Path
) -> None:
    """Else systemd would end a console that serves because of a worker that does not."""
    box.start(WORKER, {"name": "console", "kind": "crash"}, env=environment(tmp_path), policy={"first_s": 30})
    heard: list[str] = []
    while "READY=1" not in heard:
        heard.append(systemd.recv(4096).decode())
    assert "STATUS=worker ready, console waiting" in heard


def test_the_watchdog_starves_while_a_child_hangs_in_a_simulated_kernel(
    box: Box, systemd: socket.socket, tmp_path: Path
) -> None:
    """Processes that SIGKILL does not end cannot be made here, so the supervisor's signals are lost."""
    child = WORKER | {"beat_s": 0.5, "stop_s": 0.5}
    box.start(child, env=environment(tmp_path), immortal=True)
    os.kill(box.until_state("worker", "ready")["pid"], signal.SIGSTOP)
    box.until_state("worker", "stopping")
    systemd.settimeout(2)  # seven times what a feeding takes
    fed = 0
    try:
        while True:
            fed += systemd.recv(4096) == b"WATCHDOG=1"
    except TimeoutError:
        assert fed > 0
    assert box.child("worker")["state"] == "stopping"
