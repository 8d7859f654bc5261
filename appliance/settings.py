"""One table of the limits and defaults that the whole box shares, and of what an operator may change.

The constants are what nobody changes, each with its unit in its name; what one module alone needs stays in that module.

`Settings` is what an operator may change. A field is the one place that says a setting's name, type, default, range
and meaning; `TABLE` is made of the fields, and command line, API and pages are made of `TABLE`. The config store keeps
only what differs from the defaults ("overrides"); `Settings.of` turns overrides into values and never raises, so that
a file written by another version still starts the box. `parse` checks what a person gives: a JSON value or its text.

Of the ground floor this module imports `errors` alone: a refused value is the user's mistake.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal, cast

from appliance.errors import InputError

# What an upload may be. Enforced on the header before decoding and again while decoding.
MAX_IMAGE_PIXELS: Final = 64_000_000
MAX_TEMPLATE_SECONDS: Final = 600.0
MAX_AUDIO_SECONDS: Final = 3 * 3600.0
MAX_STREAMS: Final = 32
MIN_FACE_PIXELS: Final = 96
"""Longer side of the face, forehead to chin as a rule, in the picture as uploaded."""

# Sizes that an avatar is normalised to.
MAX_FRAME_SIDE: Final = 2048
"""Longer side of an enrolled picture; a larger one is scaled down once, at enrolment."""

# What the motion network hears.
SPEECH_RATE_HZ: Final = 16_000
"""Sample rate of the mono signal that the motion network reads."""

DEFAULT_FPS: Final = 25.0

Kind = Literal["int", "float", "bool", "choice", "text"]
Value = int | float | bool | str

_KINDS: Final[dict[str, Kind]] = {"int": "int", "float": "float", "bool": "bool", "str": "text"}
_BOOLEANS: Final = {
    **dict.fromkeys(("true", "yes", "on", "1"), True),
    **dict.fromkeys(("false", "no", "off", "0"), False),
}
_MAX_TEXT: Final = 200


@dataclass(frozen=True, slots=True)
class Setting:
    """One thing that an operator may change. `low` and `high` bound a number, or a text's length; both belong to it.

    With `restart` a change shows after a restart of the box's processes.
    """

    name: str
    default: Value
    kind: Kind
    meaning: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    restart: bool = False

    @property
    def range(self) -> str:
        """What is allowed, in words."""
        match self.kind:
            case "bool":
                return "true or false"
            case "choice":
                return "one of " + ", ".join(self.choices)
            case "text":
                return f"one line of {self.low or 0:.0f} to {self._longest:.0f} characters"
        number = "a whole number" if self.kind == "int" else "a number"
        bounds = f"{number} from {self.low or 0:g}" + (f" to {self.high:.10g}" if self.high is not None else " up")
        return f"{bounds} ({self.unit})" if self.unit else bounds

    @property
    def _longest(self) -> float:
        return _MAX_TEXT if self.high is None else self.high

    def parse(self, given: object) -> Value:
        """The value that `given`, a value of JSON or its text, stands for; `InputError` names setting and range."""
        value = self._convert(given)
        if value is None:
            raise InputError(f"{self.name}: {str(given)[:_MAX_TEXT]!r} is not allowed", hint=f"give {self.range}")
        return value

    def _convert(self, given: object) -> Value | None:
        text = given.strip() if isinstance(given, str) else given
        match self.kind:
            case "bool":
                return text if isinstance(text, bool) else _BOOLEANS.get(str(text).lower())
            case "choice":
                return str(text) if text in self.choices else None
            case "text":
                fits = isinstance(text, str) and text.isprintable() and (self.low or 0) <= len(text) <= self._longest
                return cast(str, text) if fits else None
        number = _number(text)
        if number is None or number < (self.low or 0) or (self.high is not None and number > self.high):
            return None
        if self.kind == "float":
            return number
        return int(number) if number.is_integer() else None


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, int | float | str):
        return None
    try:
        number = float(given)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _setting(default: Value, meaning: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"meaning": meaning, **limits})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The values in force, by attribute. `ignored` says, by name, which overrides were not understood and why."""

    host: str = _setting("127.0.0.1", "address that the console listens on for HTTP", low=1, restart=True)
    port: int = _setting(8080, "port for HTTP", low=1, high=65535, restart=True)
    https_port: int = _setting(8443, "port for HTTPS on the local network", low=1, high=65535, restart=True)
    lan: bool = _setting(False, "serve the console to the local network over HTTPS", restart=True)
    http_on_lan: bool = _setting(False, "also serve the local network over HTTP, unencrypted", restart=True)
    language: str = _setting(
        "en", "language of the console unless the browser asks for another", choices=("en", "zh-CN")
    )

    log_level: str = _setting(
        "INFO", "least level that is logged", choices=("DEBUG", "INFO", "WARNING", "ERROR"), restart=True
    )
    log_total_mb: int = _setting(16, "space for logs on the state volume", unit="MB", low=1, high=1024, restart=True)

    worker_memory_high_mb: int = _setting(
        0, "memory above which the worker is slowed down and reclaimed; 0: no limit", unit="MB", high=1_000_000
    )
    console_memory_high_mb: int = _setting(
        200, "memory above which the console is slowed down and reclaimed; 0: no limit", unit="MB", high=1_000_000
    )
    recorder_memory_high_mb: int = _setting(
        0, "memory above which the recorder is slowed down and reclaimed; 0: no limit", unit="MB", high=1_000_000
    )
    worker_cpu_weight: int = _setting(100, "the worker's share of a busy processor", low=1, high=10_000)
    console_cpu_weight: int = _setting(200, "the console's share of a busy processor", low=1, high=10_000)
    recorder_cpu_weight: int = _setting(300, "the recorder's share of a busy processor", low=1, high=10_000)
    worker_write_mbps: float = _setting(
        0.0, "most that the worker writes to the data disk; 0: no limit", unit="MB/s", high=100_000
    )
    worker_read_mbps: float = _setting(
        0.0, "most that the worker reads from the data disk; 0: no limit", unit="MB/s", high=100_000
    )
    console_write_mbps: float = _setting(
        0.0, "most that the console writes to the data disk; 0: no limit", unit="MB/s", high=100_000
    )
    console_read_mbps: float = _setting(
        0.0, "most that the console reads from the data disk; 0: no limit", unit="MB/s", high=100_000
    )
    recorder_write_mbps: float = _setting(
        0.0, "most that the recorder writes to the data disk; 0: no limit", unit="MB/s", high=100_000
    )
    recorder_read_mbps: float = _setting(
        0.0, "most that the recorder reads from the data disk; 0: no limit", unit="MB/s", high=100_000
    )

    keep_outputs_count: int = _setting(200, "finished videos that are kept", low=1, high=100_000)
    keep_outputs_days: float = _setting(
        90.0, "age at which a finished video is removed", unit="days", low=0.01, high=36_500
    )
    keep_free_gb: float = _setting(1.0, "space that old videos make way for on the data disk", unit="GB", high=100_000)
    upload_max_mb: int = _setting(2048, "largest upload", unit="MB", low=1, high=100_000)
    keep_uploads_hours: float = _setting(
        48.0, "age at which an upload that no job needs is removed", unit="hours", low=0.01, high=876_000
    )

    microphone: str = _setting("", "stable id of the kiosk's microphone; empty: the best one present")
    record_max_s: float = _setting(120.0, "longest recording", unit="seconds", low=1, high=10_800)
    record_max_mb: int = _setting(64, "largest recording", unit="MB", low=1, high=4096)
    silence_stop_s: float = _setting(1.5, "silence that ends a recording", unit="seconds", low=0.2, high=60)

    kiosk_avatar: str = _setting("demo", "avatar that the kiosk speaks with", low=1)
    kiosk_idle_s: float = _setting(60.0, "time after which the kiosk starts over", unit="seconds", low=5, high=86_400)
    kiosk_without_login: bool = _setting(True, "let the box's own screen use the kiosk without a login")

    ignored: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, overrides: Mapping[str, object]) -> Settings:
        """The defaults with these changes."""
        values: dict[str, Any] = {}
        ignored: dict[str, str] = {}
        for name, given in overrides.items():
            try:
                values[name] = parse(name, given)
            except InputError as error:
                ignored[name] = error.message
        return cls(**values, ignored=ignored)

    def get(self, name: str) -> Value:
        """The value of the setting of that name."""
        return cast(Value, getattr(self, _find(name).name))

    def values(self) -> dict[str, Value]:
        """Every setting's value by name."""
        return {name: self.get(name) for name in TABLE}


def _table() -> dict[str, Setting]:
    table = {}
    for field in dataclasses.fields(Settings):
        if field.name != "ignored":
            kind: Kind = "choice" if "choices" in field.metadata else _KINDS[str(field.type)]
            table[field.name] = Setting(field.name, cast(Value, field.default), kind, **field.metadata)
    return table


TABLE: Final[Mapping[str, Setting]] = MappingProxyType(_table())


def _find(name: str) -> Setting:
    if name not in TABLE:
        raise InputError(f"there is no setting {name[:_MAX_TEXT]!r}", hint="the settings are " + ", ".join(TABLE))
    return TABLE[name]


def parse(name: str, given: object) -> Value:
    """The value that `given` means for the setting `name`; `InputError` says what is wrong and what is allowed."""
    return _find(name).parse(given)
