"""Logs and events, kept and live.

`/events` streams the latest value of everything that changes (jobs, processes, findings, microphones, telemetry):
`data` is `{"name", "value"}`. `/logs/stream` streams records: `data` is a record. Both go on after `Last-Event-ID`.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any, Final

from apiflask import APIBlueprint, Schema
from apiflask.fields import Boolean, Dict, Float, Integer, List, String
from apiflask.validators import Length, OneOf, Range
from flask import Response

from appliance.console import sse
from appliance.console.api.shapes import REFUSALS
from appliance.console.box import the_box
from appliance.console.security import kiosk
from appliance.console.security.access import Who, for_kiosk, who
from appliance.errors import InputError
from appliance.storage import logs

blueprint = APIBlueprint("api_live", __name__, tag="Logs and events")

LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
_KIOSK_SEES: Final = ("recording", "microphones")


class Filter(Schema):
    level = String(load_default=None, validate=OneOf(LEVELS), metadata={"description": "this level and above"})
    part = String(load_default=None, validate=Length(max=100))


class Span(Filter):
    since = Float(load_default=None, metadata={"description": "unix seconds"})
    until = Float(load_default=None, metadata={"description": "unix seconds"})


class Page(Span):
    after = Integer(load_default=None, metadata={"description": "id of the last record already seen"})
    limit = Integer(load_default=200, validate=Range(1, 1000))


class Text(Span):
    json = Boolean(load_default=False, metadata={"description": "one JSON object a line instead of text"})


class Records(Schema):
    records = List(Dict(), metadata={"description": "id, t, level, part, message, fields"})


@blueprint.get("/logs")
@blueprint.input(Page, location="query", arg_name="wanted")
@blueprint.output(Records)
@blueprint.doc(
    summary="Kept records, oldest first: the newest ones, or those that follow `after`",
    responses=REFUSALS,
)
def list_logs(wanted: dict[str, Any]) -> dict[str, Any]:
    newest = wanted["after"] is None
    found = list(logs.read(the_box().volumes.logs, newest_first=newest, **wanted))
    return {"records": [asdict(record) for record in (reversed(found) if newest else found)]}


@blueprint.get("/logs/stream")
@blueprint.input(Filter, location="query", arg_name="wanted")
@blueprint.doc(summary="Records as they come (text/event-stream)", responses=REFUSALS)
def stream_logs(wanted: dict[str, Any]) -> Response:
    given = sse.last_event_id()
    if given is not None and not (given.isascii() and given.isdigit() and len(given) < 19):
        raise InputError("the last event's id is not a record's", hint="leave it out to begin anew")
    after = None if given is None else int(given)
    return sse.stream("logs", _record, follow=True, after=after, limit=200 if after is None else None, **wanted)


@blueprint.get("/logs/download")
@blueprint.input(Text, location="query", arg_name="wanted")
@blueprint.doc(summary="Records as a text file", responses=REFUSALS)
def download_logs(wanted: dict[str, Any]) -> Response:
    box = the_box()
    as_json = wanted.pop("json")

    def lines() -> Iterator[str]:
        for record in logs.read(box.volumes.logs, after=None, limit=None, **wanted):
            yield json.dumps(asdict(record), ensure_ascii=False) + "\n" if as_json else _line(record)

    name = f"{box.configuration().get('name') or 'mouthpiece'}.{'jsonl' if as_json else 'log'}"
    headers = {"Content-Disposition": f"attachment; filename={name}"}
    mimetype = "application/jsonl" if as_json else "text/plain"
    return Response(lines(), mimetype=mimetype, headers=headers)


@blueprint.get("/events")
@for_kiosk
@blueprint.doc(summary="What changes, as it changes (text/event-stream)", responses=REFUSALS)
def stream_events() -> Response:
    return sse.stream("watch", _kiosk_event() if who() is Who.KIOSK else _event, after=sse.last_event_id())


def _record(answer: dict[str, Any]) -> sse.Event:
    return answer["record"]["id"], answer["record"]


def _event(answer: dict[str, Any]) -> sse.Event:
    event = answer["event"]
    return event["id"], {"name": event["name"], "value": event["value"]}


def _kiosk_event() -> Callable[[dict[str, Any]], sse.Event | None]:
    """The events that the kiosk may see: recording, and its own jobs."""
    box = the_box()

    @functools.cache
    def may_see(name: str) -> bool:
        if not name.startswith("job:"):
            return name in _KIOSK_SEES
        try:
            return kiosk.is_own(box.jobs.get(name.removeprefix("job:")))
        except InputError:
            return False

    return lambda answer: _event(answer) if may_see(answer["event"]["name"]) else None


def _line(record: logs.Record) -> str:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.t))
    fields = f" {json.dumps(record.fields, ensure_ascii=False)}" if record.fields else ""
    return f"{stamp}Z {record.level:7} {record.part}: {record.message}{fields}\n"
