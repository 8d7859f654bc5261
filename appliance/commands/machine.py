"""`mouthpiece doctor` and `mouthpiece bench`: how this machine is, and how fast."""

from __future__ import annotations

import json

import click

from appliance.commands.shared import as_json
from appliance.volumes import Volumes


@click.command()
@as_json
@click.pass_obj
def doctor(volumes: Volumes, json_: bool) -> None:
    """Check the health of this machine; every complaint comes with its fix."""
    from appliance.capture import checks as microphones
    from appliance.commands.run import settings
    from appliance.findings import Check
    from appliance.pipeline.hardware import checks
    from appliance.storage.config import ConfigStore
    from appliance.supervisor import health
    from appliance.supervisor.health import report
    from appliance.update import checks as updates

    findings = health.examine(
        [
            *health.checks(volumes),
            Check("config", ConfigStore(volumes).findings),
            Check(updates.CHECK, lambda: updates.check(volumes)),
            *microphones.checks(lambda: settings(volumes, {}).microphone),
            *checks.checks(),
        ]
    )
    click.echo(json.dumps(report.as_json(findings)) if json_ else report.render(findings))
    raise click.exceptions.Exit(report.exit_code(findings))


@click.command()
@click.argument("name", type=click.Choice(["render"]), default="render")
@click.option("--quick", is_flag=True, help="A shorter run, for a look.")
@click.option("--long", "long_", is_flag=True, help="Also half an hour, for the memory.")
@as_json
def bench(name: str, quick: bool, long_: bool, json_: bool) -> None:  # noqa: ARG001
    """Measure this machine with the benchmarks of docs/BENCHMARKS.md."""
    from appliance.pipeline import bench_render

    report = bench_render.run(quick=quick, long=long_)
    click.echo(json.dumps(report) if json_ else bench_render.render_table(report))
