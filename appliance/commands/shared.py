"""What several commands share: options that they have in common, and work that Ctrl-C calls off."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from appliance.terminal import ProgressLine

if TYPE_CHECKING:
    from appliance.pipeline.progress import Job


def as_json(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "json_", is_flag=True, help="Print one JSON document for scripts.")(command)


def generation_options(command: Callable[..., None]) -> Callable[..., None]:
    """The table of generation options as command-line options."""
    from appliance.pipeline.options import DEFAULTS, RANGES, SWITCHES

    for name, default in reversed(DEFAULTS.items()):
        flag = name.replace("_", "-")
        if isinstance(default, bool):
            option = click.option(
                f"--{flag}/--no-{flag}", name, default=default, show_default=True, help=SWITCHES[name]
            )
        else:
            allowed = RANGES[name]
            unit = f" {allowed.unit}" if allowed.unit else ""
            text = f"{allowed.meaning} [{allowed.low:.10g}..{allowed.high:.10g}{unit}]"
            kind = int if isinstance(default, int) else float
            option = click.option(
                f"--{flag}", name, type=kind, default=default, show_default=default is not None, help=text
            )
        command = option(command)
    return command


@contextmanager
def cancellable(quiet: bool) -> Iterator[Job]:
    """A job that shows its progress and that Ctrl-C or a terminate signal cancels."""
    from appliance.pipeline.progress import Job

    line = ProgressLine(quiet)
    job = Job(line.show)

    def cancel(*_: object) -> None:
        job.cancel()

    before = {number: signal.signal(number, cancel) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield job
    finally:
        line.close()
        for number, handler in before.items():
            signal.signal(number, handler)
