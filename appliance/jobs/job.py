"""What a job is: its kinds, its states, and what a valid request for one looks like.

    kind      lane    spec                                                       result
    render    heavy   avatar: NAME or {"upload": ID}, audio: {"upload": ID},     output: "JOB.mp4", seconds, width,
                      face?: n from 1, options?: {name: value}                   height, fps, warnings, ...
    enroll    heavy   name, upload: ID, face?, replace?: bool                    avatar: NAME
    adjust    heavy   avatar: NAME, points: {name: [x, y]} in picture pixels     avatar: NAME
    inspect   light   upload: ID                                                 type, seconds, width, height, waveform
    sheet     light   avatar: NAME                                               file: name below the data volume

The light lane never waits for a render. Whether names, uploads and option values exist and are in range is found out
when the job is made; what is checked here is only the shape.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from appliance.errors import InputError


class State(StrEnum):
    """`SET_ASIDE`: its making killed the worker again and again; it waits for a person."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SET_ASIDE = "set_aside"


OVER: Final = frozenset({State.DONE, State.FAILED, State.CANCELLED, State.SET_ASIDE})
"""The states in which nothing more happens by itself."""

HEAVY: Final = "heavy"
LIGHT: Final = "light"
LANES: Final = {"render": HEAVY, "enroll": HEAVY, "adjust": HEAVY, "inspect": LIGHT, "sheet": LIGHT}
"""The lane of every kind."""

ID: Final = re.compile(r"[a-z2-7]{20}")
"""Ids of jobs and of uploads."""

_MAX_TITLE: Final = 200


@dataclass(frozen=True, slots=True)
class Job:
    """One row of the queue. Times are Unix seconds; `finished` is set in every state of `OVER`.

    `attempts` counts how often it was begun, ordered stops left out; `crashes` how often the worker died of it. A
    running job with `cancelling` will be `CANCELLED` as soon as the worker notices. A queued job with an `error` waits
    for the box to recover from it. `priority`: higher goes first.
    """

    id: str
    kind: str
    spec: dict[str, Any]
    title: str
    state: State
    priority: int
    key: str | None
    created: float
    started: float | None
    finished: float | None
    attempts: int
    crashes: int
    lease_until: float | None
    worker: str | None
    cancelling: bool
    error: str | None
    hint: str | None
    result: dict[str, Any] | None


def new_id() -> str:
    """A hundred random bits that may name a file, as `ID` has it."""
    return base64.b32encode(secrets.token_bytes(15)).decode().lower()[:20]


def check_request(kind: str, spec: Mapping[str, Any], title: str) -> None:
    """Raise `InputError` unless `kind` is known, `spec` has its shape and `title` is of a bearable length."""
    if kind not in _SHAPES:
        raise InputError(f"there is no kind of job {kind!r}", hint=f"kinds are {', '.join(_SHAPES)}")
    if len(title) > _MAX_TITLE:
        raise InputError(f"the title is {len(title)} characters long", hint=f"use at most {_MAX_TITLE}")
    needed, optional = _SHAPES[kind]
    allowed = needed | optional
    if unknown := sorted(spec.keys() - allowed.keys()):
        raise InputError(f"a job of kind {kind} has no field {unknown[0]!r}", hint=f"fields are {', '.join(allowed)}")
    for name, (fits, meaning) in allowed.items():
        if (name in needed and name not in spec) or (name in spec and not fits(spec[name])):
            raise InputError(f"the field {name} of a job of kind {kind} must be {meaning}")


_Field = tuple[Callable[[Any], bool], str]


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and ID.fullmatch(value) is not None


def _is_upload(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"upload"} and _is_id(value["upload"])


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 64


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _is_point(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))


def _is_points(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_name(name) and _is_point(point) for name, point in value.items())


def _is_face(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)


_NAME: Final[_Field] = (_is_name, "an avatar's name")
_UPLOAD: Final[_Field] = (_is_id, "an upload's id")
_FACE: Final[_Field] = (_is_face, "a number from 1 on, or null")

_SHAPES: Final[dict[str, tuple[dict[str, _Field], dict[str, _Field]]]] = {
    "render": (
        {
            "avatar": (lambda value: _is_name(value) or _is_upload(value), 'an avatar\'s name or {"upload": ID}'),
            "audio": (_is_upload, '{"upload": ID}'),
        },
        {"face": _FACE, "options": (lambda value: isinstance(value, dict), "an object of generation options")},
    ),
    "enroll": (
        {"name": _NAME, "upload": _UPLOAD},
        {"face": _FACE, "replace": (lambda value: isinstance(value, bool), "true or false")},
    ),
    "adjust": ({"avatar": _NAME, "points": (_is_points, "an object of points, each [x, y]")}, {}),
    "inspect": ({"upload": _UPLOAD}, {}),
    "sheet": ({"avatar": _NAME}, {}),
}
