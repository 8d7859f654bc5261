"""Errors become exit codes and words; interrupts become a cancelled job."""

from __future__ import annotations

import io
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


def test_the_end_of_the_input_at_a_prompt_is_a_cancellation_and_anywhere_else_a_mistake_of_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    @click.command()
    def asks() -> None:
        click.prompt("Name")

    @click.command()
    def reads() -> None:
        raise EOFError("a file is shorter than it says")

    monkeypatch.setattr("sys.stdin", io.StringIO())
    codes = []
    for command in (asks, reads):
        with pytest.raises(click.Abort) as caught:
            command(standalone_mode=False, args=[])
        codes.append(cli.explain(caught.value))
    assert codes == [130, 70]
    assert "a file is shorter" in capsys.readouterr().err


def test_the_code_that_a_command_leaves_with_is_that_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command()
    def unwell() -> None:
        raise click.exceptions.Exit(3)

    monkeypatch.setattr(cli.cli, "get_command", lambda *_: unwell)
    for words, code in ((["unwell"], 3), (["--help"], 0)):
        monkeypatch.setattr("sys.argv", ["mouthpiece", *words])
        with pytest.raises(SystemExit) as left:
            cli.main()
        assert left.value.code == code


def test_no_command_returns_what_could_be_taken_for_a_code() -> None:
    context = click.Context(cli.cli)
    found = [cli.cli.get_command(context, name) for name in cli.COMMANDS]
    for command in found:
        if isinstance(command, click.Group):
            found += command.commands.values()
        assert command is not None
        assert command.callback is not None
        assert command.callback.__annotations__["return"] == "None", command.name


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
