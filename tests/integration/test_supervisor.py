"""The supervisor over real processes: keeping them alive, and letting them go."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.storage.logs import Record, read
from tests.integration.supervised import DEADLINE_S, Box, alive, supervised, until

WORKER = {"name": "worker", "kind": "good"}
CONSOLE = {"name": "console", "kind": "console", "stops_last": True}
QUICK = {"first_s": 0.05, "limit": 4, "window_s": 60, "pause_s": 600}


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    with supervised(tmp_path) as box:
        yield box


def test_children_start_serve_and_stop_in_order(box: Box) -> None:
    box.start(WORKER, CONSOLE)
    worker, console = box.until_state("worker", "ready"), box.until_state("console", "ready")
    assert [worker["pid"]] == box.starts("good")
    assert worker["rss"] > 1 << 20
    assert os.getpgid(worker["pid"]) == worker["pid"]
    assert sorted(box.stop().split()) == ["console", "serving", "serving", "worker"]
    assert (box.volumes.root / "order").read_text().splitlines() == ["good SIGTERM", "console SIGTERM"]
    assert not alive(worker["pid"])
    assert not alive(console["pid"])
    assert box.process is not None
    assert box.process.returncode == 0
    stored = [record.message for record in read(box.volumes.logs)]
    assert "ends in order" in stored
    assert stored[-1].startswith("console: off")
    assert json.loads((box.volumes.state / "boot.json").read_text())["ended"] == "CLEAN"
    assert not (box.volumes.run / "control.sock").exists()


def test_a_killed_child_is_started_again_and_the_others_stay(box: Box) -> None:
    box.start(WORKER, CONSOLE, policy=QUICK)
    first, console = box.until_state("worker", "ready"), box.until_state("console", "ready")
    os.kill(first["pid"], signal.SIGKILL)
    until(lambda: box.child("worker")["restarts"] == 1, "the failure is noticed")
    again = box.until_state("worker", "ready")
    assert again["pid"] != first["pid"]
    assert box.child("console")["pid"] == console["pid"]
    assert any("killed by SIGKILL; started again in 0.05 s" in message for message in box.messages(level="ERROR"))


def test_a_child_that_is_never_ready_is_ended_and_tried_again(box: Box) -> None:
    box.start({"name": "worker", "kind": "never", "ready_s": 1}, policy=QUICK)
    until(lambda: len(box.starts("never")) >= 2, "a second start")
    first = box.starts("never")[0]
    assert not alive(first)
    assert any("worker: not ready in 1 s; killed by SIGABRT" in message for message in box.messages(level="ERROR"))


def test_a_child_without_a_heartbeat_says_where_it_hangs_and_is_started_again(box: Box) -> None:
    box.start({"name": "worker", "kind": "silent", "beat_s": 0.6}, policy=QUICK)
    until(lambda: len(box.starts("silent")) >= 2, "a second start")
    messages = box.messages(level="WARNING")
    assert any("worker: no heartbeat for 0.6 s" in message for message in messages)
    assert any("Fatal Python error: Aborted" in message and "child.py" in message for message in messages)


def test_a_stopped_process_does_not_escape_the_heartbeat(box: Box) -> None:
    box.start({"name": "worker", "kind": "good", "beat_s": 0.6}, policy=QUICK)
    first = box.until_state("worker", "ready")["pid"]
    os.kill(first, signal.SIGSTOP)
    until(lambda: len(box.starts("good")) == 2, "a second start")
    assert not alive(first)


def test_a_supervisor_that_stood_still_does_not_blame_its_children(box: Box) -> None:
    box.start({"name": "worker", "kind": "good", "beat_s": 1.5}, policy=QUICK)
    pid = box.until_state("worker", "ready")["pid"]
    assert box.process is not None
    for _ in range(3):
        box.process.send_signal(signal.SIGSTOP)
        time.sleep(2.0)  # the standstill itself, longer than the heartbeat may be away
        box.process.send_signal(signal.SIGCONT)
        until(lambda: (age := box.child("worker")["beat_age"]) is not None and age < 0.5, "heartbeats are heard again")
    assert box.child("worker")["pid"] == pid
    assert box.starts("good") == [pid]


def test_a_crash_loop_ends_in_a_degraded_state_and_the_fixup_tries_again(box: Box) -> None:
    box.start({"name": "worker", "kind": "crash"}, CONSOLE, policy=QUICK)
    degraded = box.until_state("worker", "degraded")
    assert degraded["reason"] == "ended with exit code 7"
    assert degraded["restarts"] == QUICK["limit"] == len(box.starts("crash"))
    assert box.status()["states"]["child:worker"]["state"] == "degraded"
    box.until_state("console", "ready")
    found = {one["check"]: one for one in box.control.ask("check")["findings"]}["processes"]
    assert found["status"] == "problem"
    assert "worker keeps failing: ended with exit code 7" in found["message"]
    assert found["fixup"]
    assert "worker" in box.control.ask("fix", check="processes")["message"]
    until(lambda: len(box.starts("crash")) == 2 * int(QUICK["limit"]), "as many starts again, and no more")
    box.until_state("worker", "degraded")
    assert len(box.starts("crash")) == 2 * int(QUICK["limit"])


def test_a_degraded_child_gets_rare_trials(box: Box) -> None:
    box.start({"name": "worker", "kind": "crash"}, policy=QUICK | {"pause_s": 0.2})
    until(lambda: len(box.starts("crash")) >= int(QUICK["limit"]) + 2, "two trials")
    waits = [float(text.split(" in ")[-1].split()[0]) for text in box.messages(level="ERROR") if "keeps" in text]
    assert waits[:3] == [0.2, 0.4, 0.8][: len(waits[:3])]


def test_a_stubborn_child_is_killed_by_its_deadline(box: Box) -> None:
    box.start({"name": "worker", "kind": "stubborn", "stop_s": 0.5}, CONSOLE)
    pid = box.until_state("worker", "ready")["pid"]
    box.stop()
    assert not alive(pid)
    assert "console: off (the box stops; ended with exit code 0)" in [one.message for one in read(box.volumes.logs)]


def test_a_second_signal_kills_at_once(box: Box) -> None:
    box.start({"name": "worker", "kind": "stubborn", "stop_s": 600})
    pid = box.until_state("worker", "ready")["pid"]
    assert box.process is not None
    box.process.send_signal(signal.SIGINT)
    box.until_state("worker", "stopping")
    box.stop(signal.SIGINT)
    assert not alive(pid)


def test_what_a_child_started_ends_with_it(box: Box) -> None:
    box.start({"name": "worker", "kind": "parent"}, policy=QUICK)
    pid = box.until_state("worker", "ready")["pid"]
    grandchild = until(lambda: Path(f"/proc/{pid}/task/{pid}/children").read_text().split(), "a grandchild")
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(int(grandchild[0])), "the grandchild is gone")


def test_nothing_outlives_a_killed_supervisor_and_a_new_one_starts_at_once(box: Box) -> None:
    box.start(WORKER, CONSOLE)
    pids = [box.until_state(name, "ready")["pid"] for name in ("worker", "console")]
    assert box.process is not None
    box.process.kill()
    box.process.communicate()
    until(lambda: not any(map(alive, pids)), "the children are gone")
    box.start(WORKER, CONSOLE)
    box.until_state("worker", "ready")
    assert box.status()["boot"]["ended"] == "the supervisor was killed"
    assert "the last run: the supervisor was killed" in box.messages(level="WARNING")


def test_a_child_that_has_not_reached_our_code_dies_with_the_supervisor(box: Box) -> None:
    """The launcher ties it to the supervisor before its own program runs."""
    box.start({"name": "worker", "kind": "never"})
    until(lambda: box.starts("never"), "the start")
    assert box.process is not None
    box.process.kill()
    until(lambda: not alive(box.starts("never")[0]), "the child is gone")


def test_a_second_supervisor_on_the_same_volumes_is_refused(box: Box) -> None:
    box.start(WORKER)
    box.until_state("worker", "ready")
    from appliance.supervisor.plan import Plan
    from appliance.supervisor.supervisor import Supervisor

    with pytest.raises(UnhealthyError, match="already runs") as refused:
        Supervisor(box.volumes, lambda: Plan(())).run()
    assert "--data" in refused.value.hint
    assert box.child("worker")["state"] == "ready"


def test_power_failure_saves_everything_and_a_return_starts_it_again(box: Box) -> None:
    box.start(WORKER, CONSOLE)
    pids = [box.until_state(name, "ready")["pid"] for name in ("worker", "console")]
    record = power_fails(box, 1)
    assert record.message.startswith("power fails (SIGPWR): ")
    until(lambda: not any(map(alive, pids)), "the children have ended")
    assert sorted((box.volumes.root / "order").read_text().splitlines()) == ["console SIGPWR", "good SIGPWR"]
    until(lambda: "POWER_FAIL" in (box.volumes.state / "boot.json").read_text(), "the marker")
    assert box.until_state("worker", "ready")["pid"] not in pids


def power_fails(box: Box, times: int) -> Record:
    """Send SIGPWR, and give back what the disk then holds about it, the last of so many."""
    assert box.process is not None
    box.process.send_signal(signal.SIGPWR)

    def stored() -> list[Record]:
        return [record for record in read(box.volumes.logs) if record.message.startswith("power fails")]

    until(lambda: len(stored()) == times, "the record is on the disk")
    return stored()[-1]


def test_an_operator_restarts_a_child(box: Box) -> None:
    box.start(WORKER, CONSOLE)
    first = box.until_state("worker", "ready")["pid"]
    box.until_state("console", "ready")
    box.control.ask("restart", child="worker")
    until(lambda: len(box.starts("good")) == 2, "the second start")
    box.until_state("worker", "ready")
    assert not alive(first)
    assert box.child("worker")["restarts"] == 0
    box.control.ask("restart", child="all")
    until(lambda: len(box.starts("good")) == 3 and len(box.starts("console")) == 2, "all start again")
    with pytest.raises(InputError, match="no process 'nobody'"):
        box.control.ask("restart", child="nobody")


def test_what_a_child_prints_becomes_records(box: Box) -> None:
    box.start({"name": "worker", "kind": "printer"}, policy=QUICK)
    pid = box.until_state("worker", "ready")["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: "half a line" in box.messages(part="worker"), "even the half line")
    records = {one["message"]: one["level"] for one in box.records(part="worker")}
    assert records["on standard output"] == "INFO"
    assert records["Traceback (most recent call last):\n  first\n  second"] == "WARNING"


def test_a_flood_of_words_does_not_reach_the_flash(box: Box) -> None:
    box.start({"name": "worker", "kind": "flood"})
    box.until_state("worker", "ready")
    kept = sum(len(message) for message in box.messages(part="worker"))
    assert 0 < kept <= 256 << 10


def test_recordings_are_made_on_demand_and_one_at_a_time(box: Box) -> None:
    recorder = {"name": "recorder", "kind": "recorder", "on_demand": True}
    box.start(WORKER, recorder)
    assert box.until_state("recorder", "off")["pid"] is None
    started = box.control.ask("record", seconds=3, device=None)["id"]
    pid = box.until_state("recorder", "ready")["pid"]
    said = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    assert said[-5:-1] == ["--id", started, "--seconds", "3"]
    with pytest.raises(InputError, match="already under way"):
        box.control.ask("record", seconds=None, device=None)
    box.control.ask("stop_recording", keep=True)
    off = box.until_state("recorder", "off")
    assert off["restarts"] == 0
    # This recorder published no end, so the supervisor did.
    assert box.status()["states"]["recording"]["state"] == "failed"
    with pytest.raises(InputError, match="nothing is being recorded"):
        box.control.ask("stop_recording", keep=True)


def test_the_log_keeps_its_order_over_restarts(box: Box) -> None:
    for _ in range(3):
        box.start(WORKER)
        box.until_state("worker", "ready")
        box.stop()
    records = list(read(box.volumes.logs))
    assert [one.id for one in records] == sorted({one.id for one in records})
    assert sum(one.message == "serves" for one in records) == 3


def test_a_program_that_cannot_be_started_is_a_failure_like_others(box: Box) -> None:
    code = (
        "import sys; from pathlib import Path; from appliance.volumes import Volumes;"
        "from appliance.supervisor.backoff import Policy; from appliance.supervisor.spec import ChildSpec;"
        "from appliance.supervisor.plan import Plan; from appliance.supervisor.supervisor import Supervisor;"
        "plan = Plan((ChildSpec('worker', ('/nowhere/python', 'x')),));"
        "Supervisor(Volumes(Path(sys.argv[1])), lambda: plan, None, Policy(first_s=0.05, limit=2)).run()"
    )
    box.process = subprocess.Popen([sys.executable, "-c", code, str(box.volumes.root)], text=True)
    until(box.status, "the supervisor answers")
    assert box.until_state("worker", "degraded")["restarts"] == 2
    assert any("No such file" in message for message in box.messages(level="WARNING"))


def test_stopping_is_quick_while_a_child_waits_for_its_restart(box: Box) -> None:
    box.start({"name": "worker", "kind": "crash"}, policy=QUICK | {"first_s": 300, "longest_s": 300})
    box.until_state("worker", "waiting")
    start = time.monotonic()
    box.stop()
    assert time.monotonic() - start < DEADLINE_S
    assert len(box.starts("crash")) == 1
