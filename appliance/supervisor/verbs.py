"""What may be asked of the supervisor over its control socket.

status           {"version", "started", "pid", "boot": {"ended", "started"}, "children": [...], "findings": [...],
                  "cgroup": {"base", "controllers", "complaints", "groups"}, "states": {name: value}}
check            {"findings": [...]}: every health check, now
fix              {"check": NAME} -> {"message"}: the fix-up of that check
logs             {"after": id|null, "since", "until": unix seconds|null, "level", "part", "limit", "follow": bool}
                 -> {"record": {...}} each; with "limit" and without "after" the newest; {"idle": true} while following
watch            {"after": event id|null} -> {"event": {"id", "name", "value"}} each; {"idle": true}
announce         {"name", "value"}: publish a state
record           {"seconds": N|null, "device": id|null} -> {"id"}: start the recorder
stop_recording   {"keep": bool}: SIGTERM ends the recording and keeps it, SIGINT throws it away
restart          {"child": NAME|"all"}
reload           the settings changed
log              {"level", "part", "message"}: keep a record
"""

from __future__ import annotations

import asyncio
import math
import os
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from appliance import __version__
from appliance.errors import InputError
from appliance.settings import TABLE
from appliance.storage.logs import Query

if TYPE_CHECKING:
    from appliance.supervisor.child import Child
    from appliance.supervisor.control import Answer, Question, Verb
    from appliance.supervisor.supervisor import Supervisor

IDLE_S: Final = 5.0
RECORDER: Final = "recorder"
_RESTART_AFTER_S: Final = 0.1
"""So that a child that asks for its own restart gets its answer."""
_MAX_NEWEST: Final = 10_000
"""The newest records are gathered before the first is sent; a page is not."""
LEVELS: Final = TABLE["log_level"].choices


class Verbs:
    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def table(self) -> Mapping[str, Verb]:
        return {
            "status": self._status,
            "check": self._check,
            "fix": self._fix,
            "logs": self._logs,
            "watch": self._watch,
            "announce": self._announce,
            "record": self._record,
            "stop_recording": self._stop_recording,
            "restart": self._restart,
            "reload": self._reload,
            "log": self._log,
        }

    async def _status(self, _: Question) -> Answer:
        box = self._supervisor
        return {
            "version": __version__,
            "started": box.started,
            "pid": os.getpid(),
            "boot": {"ended": box.last_run.ended, "started": box.last_run.started},
            "children": box.tree.describe(),
            "findings": self._findings(),
            "cgroup": box.tree.describe_groups(),
            "states": box.states.all(),
        }

    async def _check(self, _: Question) -> Answer:
        await self._supervisor.examine()
        return {"findings": self._findings()}

    async def _fix(self, question: Question) -> Answer:
        check = _text(question, "check")
        message = await self._supervisor.examiner.fix(check)
        self._supervisor.log("INFO", "supervisor", f"fix-up of {check}: {message}")
        await self._supervisor.examine()
        return {"message": message}

    async def _logs(self, question: Question) -> AsyncIterator[Answer]:
        journal = self._supervisor.journal
        query = Query(
            since=_number(question, "since"),
            until=_number(question, "until"),
            level=_level(question),
            part=_text(question, "part", optional=True),
        )
        limit, after = _number(question, "limit"), _number(question, "after")
        end = journal.last_id
        seen = min(int(after or 0), end)  # an id of a log that was since erased lies beyond
        if after is None and limit is not None:
            seen = end
            for record in await journal.newest(query, min(int(limit), _MAX_NEWEST)):
                yield {"record": asdict(record)}
        if question.get("follow") is True:
            async for item in self._followed(query, seen):
                yield item
            return
        left = sys.maxsize if limit is None else int(limit)
        while seen < end:
            records, seen = await journal.page(query, seen)
            for record in records:
                if record.id > end or left == 0:
                    return
                yield {"record": asdict(record)}
                left -= 1

    async def _followed(self, query: Query, seen: int) -> AsyncIterator[Answer]:
        journal = self._supervisor.journal
        said_at = time.monotonic()
        while True:
            records, seen = await journal.page(query, seen)
            for record in records:
                yield {"record": asdict(record)}
            if records:
                said_at = time.monotonic()
            elif time.monotonic() - said_at >= IDLE_S:
                yield {"idle": True}
                said_at = time.monotonic()
            if journal.last_id <= seen:
                await journal.arrived.wait(IDLE_S)

    async def _watch(self, question: Question) -> AsyncIterator[Answer]:
        states = self._supervisor.states
        seen = states.seen(_text(question, "after", optional=True))
        while True:
            events = states.since(seen)
            for number, event in events:
                yield {"event": event}
                seen = number
            if not events:
                await states.changed.wait(IDLE_S)
                if not states.since(seen):
                    yield {"idle": True}

    async def _announce(self, question: Question) -> Answer:
        value = question.get("value")
        if not isinstance(value, dict | None):
            raise InputError("value: an object or null is needed")
        self._supervisor.publish(_text(question, "name"), value)
        return {}

    async def _record(self, question: Question) -> Answer:
        recorder = self._child(RECORDER)
        if recorder.running:
            raise InputError("a recording is already under way", hint="stop it first")
        seconds, device = _number(question, "seconds"), _text(question, "device", optional=True)
        recording = secrets.token_hex(8)
        extra = ["--id", recording]
        if seconds is not None:
            extra += ["--seconds", f"{seconds:g}"]
        if device:
            extra += ["--device", device]
        value = {"id": recording, "state": "opening", "seconds": 0.0, "upload": None, "message": ""}
        self._supervisor.publish("recording", value)
        recorder.start(*extra)
        return {"id": recording}

    async def _stop_recording(self, question: Question) -> Answer:
        recorder = self._child(RECORDER)
        if not recorder.running:
            raise InputError("nothing is being recorded")
        keep = question.get("keep") is not False
        recorder.stop("told to stop", signal.SIGTERM if keep else signal.SIGINT)
        return {}

    async def _restart(self, question: Question) -> Answer:
        name = _text(question, "child")
        every = [child for child in self._supervisor.tree.children.values() if not child.spec.on_demand]
        chosen = every if name == "all" else [self._child(name)]
        if any(child.spec.on_demand for child in chosen):
            raise InputError(f"{name} runs only when it is asked to")
        for child in chosen:
            asyncio.get_running_loop().call_later(_RESTART_AFTER_S, child.restart, "restarted")
        return {}

    async def _reload(self, _: Question) -> Answer:
        await self._supervisor.reload()
        return {}

    async def _log(self, question: Question) -> Answer:
        level = _level(question) or "INFO"
        self._supervisor.log(level, _text(question, "part"), _text(question, "message"))
        return {}

    def _findings(self) -> list[dict[str, Any]]:
        """The box's own, then what only the worker can check."""
        states = self._supervisor.states
        own, workers = ((states.get(name) or {}).get("findings", []) for name in ("findings", "findings:worker"))
        known = {finding["check"] for finding in own}
        return [*own, *({"fixup": None, **finding} for finding in workers if finding["check"] not in known)]

    def _child(self, name: str) -> Child:
        children = self._supervisor.tree.children
        if self._supervisor.stopping:
            raise InputError("the box is stopping")
        if name not in children:
            raise InputError(f"there is no process {name!r}", hint=f"there are {', '.join(children)}")
        return children[name]


def _text(question: Question, name: str, *, optional: bool = False) -> Any:
    value = question.get(name)
    if not isinstance(value, str) and not (optional and value is None):
        raise InputError(f"{name}: a text is needed")
    return value


def _number(question: Question, name: str) -> float | None:
    value = question.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InputError(f"{name}: a number is needed")
    return value


def _level(question: Question) -> str | None:
    level = _text(question, "level", optional=True)
    if level is not None and level not in LEVELS:
        raise InputError(f"level: {level!r} is none", hint=f"levels are {', '.join(LEVELS)}")
    return str(level) if level else None
