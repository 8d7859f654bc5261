"""The hidden command that the supervisor starts to make jobs."""

from __future__ import annotations

import click

from appliance.volumes import Volumes


@click.command(hidden=True)
@click.pass_obj
def worker(volumes: Volumes) -> None:
    """Make the jobs of the queue until a signal ends it; see `appliance.jobs.worker`."""
    from appliance.jobs.worker import Worker
    from appliance.link import Link, set_up_logging
    from appliance.settings import Settings
    from appliance.storage.config import ConfigStore

    link = Link.from_environment()
    settings = Settings.of(ConfigStore(volumes).read().get("settings", {}))
    set_up_logging(link, settings.log_level)
    Worker(volumes, link, settings).run()
