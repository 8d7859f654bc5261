"""The hidden command that the supervisor starts to make jobs."""

from __future__ import annotations

import click

from appliance.volumes import Volumes


@click.command(hidden=True)
@click.pass_obj
def worker(volumes: Volumes) -> None:
    """Make the jobs of the queue until a signal ends it; see `appliance.jobs.worker`."""
    from appliance.commands.run import settings
    from appliance.jobs.worker import Worker
    from appliance.link import Link, set_up_logging

    link = Link.from_environment()
    set_up_logging(link, settings(volumes, {}).log_level)
    Worker(volumes, link, lambda: settings(volumes, {})).run()
