"""The command line: the only place that knows every room, and the only one that makes errors into exit codes.

Exit codes: 0 done, 1 the user's input or request cannot be served (130 if it was cancelled from the keyboard), 2 usage,
3 the box is unhealthy, 70 a bug. Commands import what they use when they run, so that `--help` is instant.
"""

from __future__ import annotations

import errno
import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Final, NoReturn

import click

from appliance import __version__
from appliance.errors import ApplianceError, CancelledError
from appliance.terminal import say
from appliance.volumes import Volumes

USAGE = 2
BUG = 70
CANCELLED = 130


def main() -> NoReturn:
    """Run the command line and leave with its exit code."""
    try:
        code: int = cli(standalone_mode=False) or 0  # click returns the code of an Exit; a command returns nothing
    except Exception as error:
        code = explain(error)
    sys.exit(code)


def explain(error: Exception) -> int:
    """Tell a person what went wrong, and return the exit code for it."""
    match error:
        case click.UsageError():
            error.show()
            return USAGE
        case CancelledError():
            say("cancelled; nothing was left behind")
            return CANCELLED
        case click.Abort() if not isinstance(error.__cause__, EOFError):  # that one was raised by no prompt
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


COMMANDS: Final = {
    "run": "run",
    "render": "render",
    "motion": "render",
    "record": "record",
    "avatar": "avatar",
    "jobs": "jobs",
    "logs": "logs",
    "storage": "storage",
    "update": "update",
    "backup": "backup",
    "restore": "backup",
    "doctor": "machine",
    "bench": "machine",
    "reset-password": "console",
    "pairing-code": "console",
    # What `run` starts.
    "worker": "worker",
    "console": "console",
    "recorder": "recorder",
}
"""Each command's file in `appliance.commands`, where it is an attribute of the same name."""


class Commands(click.Group):
    """Loads the file of the command that is run and no other: the console must stay small, and all start quickly."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"appliance.commands.{COMMANDS[cmd_name]}")
        command = getattr(module, cmd_name.replace("-", "_"))
        assert isinstance(command, click.Command)  # noqa: S101  the table is wrong
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="mouthpiece")
@click.option("--data", type=click.Path(path_type=Path), help="Where the volumes lie (default: var/ or the box's own).")
@click.pass_context
def cli(context: click.Context, data: Path | None) -> None:
    """Turn speech and a face into a talking video, on this machine."""
    context.obj = Volumes(data) if data else Volumes.default()
