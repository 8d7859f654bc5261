"""`mouthpiece logs`: what the box says of itself, live or from the disk."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click

from appliance.control import Control, NotRunningError
from appliance.errors import InputError
from appliance.settings import TABLE
from appliance.terminal import say
from appliance.volumes import Volumes

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_SILENCE_S = 20.0
"""The supervisor says that it is idle every few seconds; after this it is gone."""
_RETRY_S = 1.0
_COLOURS = {"DEBUG": "bright_black", "WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what comes, until Ctrl-C.")
@click.option("--since", help="From then on: 30m, 2h, 1d ago; 14:30 today; or 2026-01-31T14:30.")
@click.option("--level", type=click.Choice(TABLE["log_level"].choices, case_sensitive=False), help="At least that bad.")
@click.option("--part", help='Only that part of the box and what belongs to it, such as "worker".')
@click.option("--limit", "-n", type=click.IntRange(1), help="Only the newest so many (with --follow: to begin with).")
@click.option("--json", "json_", is_flag=True, help="Print a JSON document a record, one a line.")
@click.pass_obj
def logs(
    volumes: Volumes,
    follow: bool,
    since: str | None,
    level: str | None,
    part: str | None,
    limit: int | None,
    json_: bool,
) -> None:
    """Show the log, also of a box that is not running."""
    wanted = {"since": moment(since) if since else None, "level": level.upper() if level else None, "part": part}
    found = _followed(volumes, limit, wanted) if follow else _now(volumes, limit, wanted)
    for record in found:
        click.echo(json.dumps(record) if json_ else line(record))


def moment(text: str, now: float | None = None) -> float:
    """The Unix time that a person means by "2h", "14:30" or a date."""
    now = time.time() if now is None else now
    if ago := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text.strip()):
        return now - float(ago[1]) * _UNITS[ago[2]]
    today = datetime.fromtimestamp(now).date()
    for form in (f"{today}T{text.strip():0>5}", text.strip()):
        try:
            return datetime.fromisoformat(form).timestamp()
        except ValueError:
            continue
    raise InputError(f"--since: {text!r} is no time", hint="write 30m, 2h or 1d, 14:30, or 2026-01-31T14:30")


def line(record: dict[str, Any]) -> str:
    """One record for people."""
    when = datetime.fromtimestamp(record["t"]).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    level = click.style(f"{record['level']:<8}", fg=_COLOURS.get(record["level"]))
    return f"{when}  {level}  {record['part']:<12}  {record['message']}"


def _now(volumes: Volumes, limit: int | None, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything until now; a running box also knows what is not on the disk yet."""
    last: int | None = None
    try:
        for answer in Control(volumes).stream("logs", timeout_s=_SILENCE_S, limit=limit, **wanted):
            last = answer["record"]["id"]
            limit = None if limit is None else limit - 1
            yield answer["record"]
        return
    except NotRunningError:
        pass
    except TimeoutError:
        say("warning: the box runs and does not answer; the rest is what the disk has")
    from appliance.storage.logs import read

    stored = read(volumes.logs, after=last, limit=limit, newest_first=limit is not None, **wanted)
    try:
        for record in list(stored)[::-1] if limit is not None else stored:
            yield asdict(record)
    except PermissionError as error:
        hint = "run this as the user that runs the box"
        raise InputError(f"{volumes.logs} may not be read by this user", hint=hint) from error


def _followed(volumes: Volumes, limit: int | None, wanted: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What there is, then what comes; a box that is restarted meanwhile is waited for."""
    last: int | None = None
    while True:
        if last is None:
            for record in _now(volumes, limit, wanted):
                last = record["id"]
                yield record
        try:
            questions = {**wanted, "after": last or 0, "follow": True}
            for answer in Control(volumes).stream("logs", timeout_s=_SILENCE_S, **questions):
                if "record" in answer:
                    last = answer["record"]["id"]
                    yield answer["record"]
        except (NotRunningError, OSError):
            pass
        time.sleep(_RETRY_S)
