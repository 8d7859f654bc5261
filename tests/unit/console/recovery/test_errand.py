"""One errand at a time, and what came of it."""

from __future__ import annotations

import threading
import time

import pytest

from appliance.console.errors import RefusedError
from appliance.console.recovery.errand import Errands, Progress
from appliance.errors import InputError
from appliance.update.step import Step, quiet


def ended(errands: Errands) -> Progress:
    end = time.monotonic() + 10
    while errands.is_busy():
        assert time.monotonic() < end
        time.sleep(0.01)
    latest = errands.latest()
    assert latest is not None
    return latest


def test_progress_is_told_and_a_second_errand_refused() -> None:
    errands, go, on = Errands(), threading.Event(), threading.Event()

    def work(step: Step) -> str:
        step("", 1, 4)
        on.set()
        assert go.wait(10)
        return "all done"

    errands.begin("install", "new.raucb", work)
    assert on.wait(10)
    assert errands.latest() == Progress("install", "new.raucb", share=0.25)
    for refused in (lambda: errands.begin("repair", "", work), lambda: errands.do("repair", "", work, quiet)):
        with pytest.raises(RefusedError, match="other work is not done yet"):
            refused()
    go.set()
    assert ended(errands) == Progress("install", "new.raucb", "done", 1.0, "all done")


def test_a_failure_is_kept_with_its_hint_and_the_next_may_begin() -> None:
    errands = Errands()

    def fail(_: Step) -> str:
        raise InputError("it is torn", hint="get another")

    errands.begin("install", "x", fail)
    assert (ended(errands).state, ended(errands).message, ended(errands).hint) == (
        "failed",
        "it is torn",
        "get another",
    )
    assert errands.do("repair", "data", lambda _: "fine", quiet) == "fine"
    with pytest.raises(InputError, match="it is torn"):
        errands.do("repair", "data", fail, quiet)
    assert not errands.is_busy()


def test_a_bug_ends_the_errand_too() -> None:
    errands = Errands()
    errands.begin("install", "x", lambda _: str(1 // 0))
    assert ended(errands).message.startswith("this is a bug")
