"""`mouthpiece backup` and `mouthpiece restore`: what the owner would miss, as one encrypted file."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import click

from appliance.errors import ApplianceError, InputError
from appliance.volumes import Volumes

_passphrase_file = click.option(
    "--passphrase-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Read the passphrase from the first line of this file instead of asking for it.",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_passphrase_file
@click.pass_obj
def backup(volumes: Volumes, file: Path, passphrase_file: Path | None) -> None:
    """Save configuration, avatars and videos as one encrypted FILE. Works while the box runs."""
    from appliance.commands.shared import cancellable
    from appliance.jobs import saved
    from appliance.jobs.store import JobStore
    from appliance.update.backup import Backup

    passphrase = _passphrase(passphrase_file, new=True)
    store = JobStore(volumes.jobs)
    try:
        content = Backup(volumes, saved.lines(store))
    finally:
        store.close()
    with cancellable(quiet=False) as job:
        content.write(file, passphrase, job.step)
    click.echo(f"saved {content.size / 1e6:,.1f} MB to {file}; without the passphrase it is worthless")


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_passphrase_file
@click.pass_obj
def restore(volumes: Volumes, file: Path, passphrase_file: Path | None) -> None:
    """Put back what a backup FILE holds: all of it, once the whole file has been verified, or nothing.

    The configuration is replaced, password included. Avatars and videos of the same name are replaced, others stay.
    """
    from appliance.commands.shared import cancellable
    from appliance.jobs import saved
    from appliance.update.restore import restore as put_back

    passphrase = _passphrase(passphrase_file, new=False)
    try:
        source = file.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {file}: {error.strerror}", hint="check the path and its rights") from error
    with source, cancellable(quiet=False) as job:
        made = put_back(volumes, source, passphrase, lambda lines: saved.adopt(volumes.jobs, lines), job.step)
    click.echo(f"restored {made.files} files of {made.name or 'the box'}, saved by version {made.version}")
    _start_anew(volumes)


def _start_anew(volumes: Volumes) -> None:
    """Let a running box take up its new configuration; one that does not run reads it when it starts."""
    from appliance.control import Control

    with contextlib.suppress(ApplianceError):
        control = Control(volumes)
        control.ask("reload")
        control.ask("restart", child="all")


def _passphrase(file: Path | None, *, new: bool) -> str:
    if file is not None:
        try:
            with file.open(encoding="utf-8") as lines:
                return lines.readline().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise InputError(f"cannot read {file}: {reason}", hint="check the path and its rights") from error
    if not sys.stdin.isatty():
        raise InputError("nobody is there to ask for the passphrase", hint="give --passphrase-file FILE")
    answer: str = click.prompt("Passphrase", hide_input=True, confirmation_prompt=new)
    return answer
