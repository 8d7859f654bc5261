"""`mouthpiece console` (for the supervisor), and what whoever holds the box may do to its password."""

from __future__ import annotations

import os
import signal
import sys

import click

from appliance.errors import InputError, UnhealthyError
from appliance.volumes import Volumes


@click.command(hidden=True)
@click.option("--host", help="Address to listen on (default: the setting).")
@click.option("--port", type=click.IntRange(0, 65535), help="Port for HTTP (default: the setting); 0: any.")
@click.pass_obj
def console(volumes: Volumes, host: str | None, port: int | None) -> None:
    """Serve the web console until told to stop."""
    from appliance.link import Link, set_up_logging

    link = Link.from_environment()
    # Nothing here is worth saving: what was acknowledged is on the disk.
    signal.signal(signal.SIGPWR, lambda *_: os._exit(0))

    from appliance.console.app import create_app
    from appliance.console.serve import serve

    set_up_logging(link)
    app = create_app(volumes)
    set_up_logging(link, app.extensions["box"].settings().log_level)
    serve(app, link, host=host, port=port)


@click.command("reset-password")
@click.pass_obj
def reset_password(volumes: Volumes) -> None:
    """Set a new password for the console, for whoever holds the box.

    Ends every session and removes every API token. Asks twice on a terminal, else reads one line of standard input.
    """
    from appliance.console.security import first_boot
    from appliance.storage.config import ConfigStore

    store = ConfigStore(volumes)
    if not store.read().get("admin"):
        raise InputError("the box is not set up yet", hint="open it in a browser and set it up")
    if sys.stdin.isatty():
        password = click.prompt("New password", hide_input=True, confirmation_prompt=True)
    else:
        password = sys.stdin.readline().rstrip("\n")
    admin = first_boot.credentials(password)
    store.update(lambda config: config.update(admin=admin, tokens=[]))
    click.echo("The password is changed. All sessions have ended and all API tokens are removed.")


@click.command("pairing-code")
@click.pass_obj
def pairing_code(volumes: Volumes) -> None:
    """Show the code that setting the box up over the network asks for."""
    from appliance.console.security import first_boot
    from appliance.storage.config import ConfigStore

    if ConfigStore(volumes).read().get("admin"):
        raise InputError("the box is set up already", hint="log in, or use `mouthpiece reset-password`")
    try:
        click.echo(first_boot.code_file(volumes).read_text().strip())
    except FileNotFoundError:
        raise UnhealthyError(
            "there is no pairing code yet", hint="it is made when the console starts: mouthpiece run"
        ) from None
