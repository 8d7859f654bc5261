"""Errors become exit codes and words; interrupts become a cancelled job."""

from __future__ import annotations

import os
import signal

import click
import pytest

from appliance import cli
from appliance.commands import render, shared
from appliance.errors import ApplianceError, CancelledError, InputError, UnhealthyError
from appliance.pipeline.options import DEFAULTS


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (InputError("a.wav is empty", hint="record it again"), 1, "error: a.wav is empty\n  fix: record it again\n"),
        (InputError("it stays"), 1, "error: it stays\n"),
        (UnhealthyError("no space", hint="make some"), 3, "error: no space\n  fix: make some\n"),
        (CancelledError(), 130, "cancelled; nothing was left behind\n"),
        (click.exceptions.Exit(3), 3, ""),
    ],
)
def test_an_error_for_people_has_its_exit_code_and_no_traceback(
    capsys: pytest.CaptureFixture[str], error: ApplianceError, code: int, words: str
) -> None:
    assert cli.explain(error) == code
    assert capsys.readouterr() == ("", words)


def test_a_mistake_of_ours_shows_where_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        raise ZeroDivisionError("by zero")
    assert cli.explain(caught.value) == 70
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert "ZeroDivisionError: by zero" in said
    assert said.endswith("please report it with the lines above\n")


def test_an_interrupt_before_there_is_a_job(capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(click.Abort) as caught:
        interrupted(standalone_mode=False, args=[])
    assert cli.explain(caught.value) == 130
    assert capsys.readouterr().err.strip() == "cancelled"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_cancels_the_job_and_only_while_it_runs(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with shared.cancellable(quiet=True) as job:
        assert not job.cancelled
        os.kill(os.getpid(), number)
        assert job.cancelled
    assert signal.getsignal(number) is before


def test_every_generation_option_is_on_the_command_line_with_its_default() -> None:
    options = {option.name: option for option in render.render.params}
    for name, default in DEFAULTS.items():
        option = options[name]
        assert f"--{name.replace('_', '-')}" in option.opts
        assert option.get_default(click.Context(render.render)) == default
