"""`mouthpiece update`: the box's slots, by RAUC."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import asdict
from pathlib import Path

import click

from appliance.commands.shared import as_json
from appliance.volumes import Volumes


@click.group()
def update() -> None:
    """Install updates of the whole system, and go back."""


@update.command()
@as_json
@click.pass_obj
def status(volumes: Volumes, json_: bool) -> None:
    """Show the slots, what runs, and what was installed when."""
    from appliance.update import slots

    found = slots.status(volumes)
    if json_:
        click.echo(json.dumps(found))
        return
    trial = f", on trial: {found['trial']}" if found["trial"] else ""
    click.echo(f"{found['compatible']} runs version {found['version']} from {found['booted']}{trial}")
    for slot in found["slots"]:
        marks = [*(["next"] if slot["name"] == found["primary"] else []), slot["boot_status"] or "unknown"]
        click.echo(f"  {slot['name']:<10} {slot['bootname']:<3} {slot['version'] or '-':<12} {', '.join(marks)}")
    for event in found["history"][-10:]:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(event["t"]))
        reason = f": {event['reason']}" if event.get("reason") else ""
        click.echo(f"  {when}  {event['event']} {event['version']} ({event['slot']}){reason}")


@update.command()
@click.argument("bundle")
@click.pass_obj
def install(volumes: Volumes, bundle: str) -> None:
    """Install BUNDLE, a file or a URL, to the other slot.

    The next boot tries it, and the box keeps it if it stays healthy.
    """
    from appliance.commands.shared import cancellable
    from appliance.update import fetch, slots

    slots.status(volumes)  # before a long download
    with cancellable(quiet=False) as job, contextlib.ExitStack() as stack:
        path = Path(bundle)
        if fetch.is_url(bundle):
            path = stack.enter_context(fetch.fetched(bundle, volumes.uploads, job.step))
        found = slots.install(volumes, path, _problems(volumes), job.step)
    click.echo(f"version {found.version} is installed; it starts with the next reboot")


@update.command("mark-good")
@click.pass_obj
def mark_good(volumes: Volumes) -> None:
    """Keep the system that runs, without waiting for the health checks."""
    from appliance.update import slots

    click.echo(slots.mark_good(volumes, "hand"))


@update.command()
@click.pass_obj
def rollback(volumes: Volumes) -> None:
    """Boot the other slot from the next reboot on, or, before the reboot that an update waits for, call that off."""
    from appliance.update import slots

    click.echo(slots.rollback(volumes, "asked for"))


def _problems(volumes: Volumes) -> set[str]:
    """The checks that complain now. Where no supervisor has looked, they are run here."""
    from appliance.commands.run import every_check
    from appliance.control import Control
    from appliance.findings import Status
    from appliance.supervisor.health import examine

    found = Control(volumes).findings() or [asdict(finding) for finding in examine(every_check(volumes))]
    return {finding["check"] for finding in found if finding["status"] == Status.PROBLEM}
