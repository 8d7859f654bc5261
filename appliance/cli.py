"""The command line: the only place that knows every room, and the only one that makes errors into exit codes.

Exit codes: 0 done, 1 the user's input or request cannot be served (130 if it was cancelled from the keyboard), 2 usage,
3 the box is unhealthy, 70 a bug. Commands import what they use when they run, so that `--help` is instant.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import click

from appliance import __version__
from appliance.commands import avatar, machine, render
from appliance.errors import ApplianceError, CancelledError
from appliance.terminal import say
from appliance.volumes import Volumes

USAGE = 2
BUG = 70
CANCELLED = 130


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    try:
        cli(standalone_mode=False)
        code = 0
    except Exception as error:
        code = explain(error)
    sys.exit(code)


def explain(error: Exception) -> int:
    """Tell a person what went wrong, and return the exit code for it."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case click.UsageError():
            error.show()
            return USAGE
        case CancelledError():
            say("cancelled; nothing was left behind")
            return CANCELLED
        case click.Abort() if isinstance(error.__context__, KeyboardInterrupt):
            say("cancelled")
            return CANCELLED
        case ApplianceError():
            say(f"error: {error.message}")
            if error.hint:
                say(f"  fix: {error.hint}")
            return error.exit_code
        case OSError(errno=errno.ENOSPC, filename=None):
            # Only standard output is written without a name; what is left in its buffer must not fail again at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            say("error: what standard output goes to is full")
            return ApplianceError.exit_code
    traceback.print_exception(error)
    say("this is a bug in mouthpiece; please report it with the lines above")
    return BUG


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mouthpiece")
@click.option("--data", type=click.Path(path_type=Path), help="Where the volumes lie (default: var/ or the box's own).")
@click.pass_context
def cli(context: click.Context, data: Path | None) -> None:
    """Turn speech and a face into a talking video, on this machine."""
    context.obj = Volumes(data) if data else Volumes.default()


for command in (
    render.render,
    render.motion,
    avatar.avatar,
    machine.doctor,
    machine.bench,
):
    cli.add_command(command)
