from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.findings import Check, Finding, Status
from appliance.supervisor.health import children
from appliance.supervisor.health.examiner import Examiner
from appliance.supervisor.health.fixup import Fixup

GOOD = Check("good", lambda: [Finding("good", Status.OK, "fine")])
BAD = Check("bad", lambda: [Finding("bad", Status.PROBLEM, "broken", "mend it")])


def test_findings_come_in_the_order_of_the_checks_with_what_the_box_can_do() -> None:
    mend = Fixup("bad", "Mends it.", lambda: "mended")
    found = asyncio.run(Examiner([BAD, GOOD], [mend, Fixup("good", "Never offered.", str)]).examine())
    assert [(one["check"], one["status"], one["fixup"]) for one in found] == [
        ("bad", "problem", "Mends it."),
        ("good", "ok", None),
    ]


def test_a_check_that_hangs_is_a_finding_and_is_not_piled_up() -> None:
    release, calls = threading.Event(), []

    def hang() -> Iterator[Finding]:
        calls.append(1)
        release.wait(30)
        yield Finding("disk", Status.OK, "back again")

    async def run() -> list[list[dict[str, Any]]]:
        examiner = Examiner([Check("disk", hang), GOOD], [], deadline_s=0.05)
        found = [await examiner.examine(), await examiner.examine()]
        release.set()
        while (last := await examiner.examine())[0]["status"] != "ok":
            pass
        return [*found, last]

    first, second, last = asyncio.run(run())
    for found in (first, second):
        assert "did not answer" in found[0]["message"]
        assert "dmesg" in found[0]["fix"]
        assert found[1]["message"] == "fine"
    assert last[0]["message"] == "back again"
    assert len(calls) == 1


def test_a_check_runs_anew_each_time() -> None:
    calls = itertools.count(1)
    check = Check("count", lambda: [Finding("count", Status.OK, str(next(calls)))])

    async def run() -> list[str]:
        examiner = Examiner([check], [])
        return [(await examiner.examine())[0]["message"] for _ in range(3)]

    assert asyncio.run(run()) == ["1", "2", "3"]


def failing(error: Exception) -> Fixup:
    def run() -> str:
        raise error

    return Fixup("bad", "Fails.", run)


def test_what_a_fixup_did_is_told() -> None:
    assert asyncio.run(Examiner([BAD], [Fixup("bad", "Mends it.", lambda: "mended")]).fix("bad")) == "mended"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (UnhealthyError("the disk is gone"), "the disk is gone"),
        (ZeroDivisionError("by zero"), "of bad failed: by zero"),
    ],
)
def test_a_fixup_that_fails_says_so(error: Exception, words: str) -> None:
    with pytest.raises(UnhealthyError, match=words):
        asyncio.run(Examiner([BAD], [failing(error)]).fix("bad"))


def test_what_the_box_cannot_fix() -> None:
    with pytest.raises(InputError, match="cannot fix 'good'") as refused:
        asyncio.run(Examiner([GOOD], [failing(OSError())]).fix("good"))
    assert "it can fix: bad" in refused.value.hint


def child(name: str, state: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "state": state, "reason": "killed by SIGSEGV", "restarts": 2, **more}


def test_processes_that_run_are_one_finding() -> None:
    (found,) = children.check([child("worker", "ready"), child("recorder", "off")])
    assert found.status == Status.OK
    assert found.message == "2, all well; restarts since the start: 4"


def test_each_process_in_trouble_is_a_finding() -> None:
    found = list(children.check([child("worker", "degraded"), child("console", "waiting"), child("x", "ready")]))
    assert [one.status for one in found] == [Status.PROBLEM, Status.WARNING]
    assert "worker keeps failing: killed by SIGSEGV" in found[0].message
    assert all(one.fix for one in found)
