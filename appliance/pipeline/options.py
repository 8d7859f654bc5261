"""The generation options: one table of names, ranges and meanings, which the command line and the API share."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from appliance import settings
from appliance.errors import InputError


@dataclass(frozen=True, slots=True)
class Range:
    """What a number may be. `unit` is for people."""

    low: float
    high: float
    meaning: str
    unit: str = ""


RANGES: Final[dict[str, Range]] = {
    "duration": Range(0.04, settings.MAX_AUDIO_SECONDS, "length of the video; the sound's by default", "s"),
    "min_resolution": Range(128, 2160, "shorter side of the video at least; a smaller picture is enlarged", "px"),
    "inference_steps": Range(1, 16, "fixed-point iterations of the inverse warp"),
    "dynamic_scale": Range(0, 2, "gain on the opening of the mouth"),
    "motion_scale": Range(0, 2, "gain on the motion of head, brows and cheeks"),
    "expand_ratio": Range(
        0, 4, "crop to the face with this margin, as a share of its size; the whole picture by default"
    ),
    "offset_ms": Range(-500, 500, "show the mouth later (positive) or earlier than the sound says", "ms"),
    "fps": Range(5, 60, "frames a second; a template's own, else 25, by default"),
    "seed": Range(0, 2**32 - 1, "the same seed gives the same blinks and head motion"),
}

SWITCHES: Final[dict[str, str]] = {
    "lip_sync_correction": "measure the lag that is left between mouth and sound, and remove it",
    "smooth_motion": "take the jitter out of the mouth's motion, without delay and never across a closure",
}


@dataclass(frozen=True, slots=True)
class Options:
    """How a video is made. Raises `InputError` for a value out of range."""

    duration: float | None = None
    min_resolution: int = 512
    inference_steps: int = 3
    dynamic_scale: float = 1.0
    motion_scale: float = 1.0
    expand_ratio: float | None = None
    lip_sync_correction: bool = True
    offset_ms: float = 0.0
    smooth_motion: bool = True
    fps: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in RANGES.items():
            value = getattr(self, name)
            if value is None and DEFAULTS[name] is None:
                continue
            whole = isinstance(DEFAULTS[name], int)
            is_number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
            if not is_number or value != value:  # NaN alone differs from itself
                raise InputError(
                    f"{name} is {value!r}, not a {'whole ' if whole else ''}number", hint=_allowed(allowed)
                )
            if not allowed.low <= value <= allowed.high:
                raise InputError(f"{name} is {value}, out of range", hint=_allowed(allowed))
        for name, meaning in SWITCHES.items():
            if not isinstance(value := getattr(self, name), bool):
                raise InputError(f"{name} is {value!r}, neither on nor off", hint=f"give True or False: {meaning}")

    @classmethod
    def of(cls, values: dict[str, Any]) -> Options:
        """Options by name; an unknown name is an `InputError`."""
        known = {field.name for field in fields(cls)}
        if unknown := sorted(values.keys() - known):
            raise InputError(f"there is no option {unknown[0]}", hint=f"options are {', '.join(sorted(known))}")
        return cls(**values)


def _allowed(allowed: Range) -> str:
    unit = f" {allowed.unit}" if allowed.unit else ""
    return f"give {allowed.low:.10g} to {allowed.high:.10g}{unit}: {allowed.meaning}"


DEFAULTS: Final[dict[str, Any]] = {field.name: field.default for field in fields(Options)}
