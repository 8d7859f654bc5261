"""Live streams to browsers: server-sent events made of what the supervisor streams.

An event has the id that the supervisor gave it, so a browser that reconnects says in `Last-Event-ID` (a script may say
it as `?after=`) where to go on, and misses and repeats nothing. A comment is sent every few seconds while nothing
happens; that is how a client that has left is noticed. While no supervisor answers the stream ends at once, and
browsers come again after `RETRY_MS`.

Every stream holds a thread, so there are at most `MAX_STREAMS` for the box itself and as many for the network.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, Final

from flask import Response, request

from appliance.console.box import the_box
from appliance.console.errors import RefusedError
from appliance.console.security.hosts import is_loopback
from appliance.errors import ApplianceError

MAX_STREAMS: Final = 60
RETRY_MS: Final = 2000
_SILENCE_S: Final = 20.0
"""The supervisor says something every 5 s; one that does not is gone."""

Event = tuple[Any, Any]
"""Id and value."""

_free = {here: threading.BoundedSemaphore(MAX_STREAMS) for here in (True, False)}


def last_event_id() -> str | None:
    """Where the client wants to go on, if it says so."""
    return request.headers.get("Last-Event-ID") or request.args.get("after") or None


def stream(verb: str, event: Callable[[dict[str, Any]], Event | None], **arguments: Any) -> Response:
    """The supervisor's answers to `verb` as events; `event` makes one of each, or None to leave it out."""
    places = _free[is_loopback(request.remote_addr)]
    if not places.acquire(blocking=False):
        raise RefusedError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{MAX_STREAMS} live views are open already",
            hint="close some; ones that were left behind end by themselves in a few seconds",
            retry_after_s=5,
        )
    control = the_box().control

    def lines() -> Iterator[str]:
        yield f"retry: {RETRY_MS}\n\n"
        # Not running, or no longer: the browser asks again by itself.
        with contextlib.suppress(ApplianceError, OSError, ValueError):
            for answer in control.stream(verb, timeout_s=_SILENCE_S, **arguments):
                found = None if answer.get("idle") else event(answer)
                yield ": \n\n" if found is None else _as_text(*found)

    response = Response(lines(), mimetype="text/event-stream", headers={"X-Accel-Buffering": "no"})
    response.call_on_close(places.release)
    return response


def _as_text(identifier: Any, value: Any) -> str:
    return f"id: {identifier}\ndata: {json.dumps(value, ensure_ascii=False, separators=(',', ':'))}\n\n"
