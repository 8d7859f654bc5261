"""What a render tells about itself, on the command line, in a job's result and to Python."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(slots=True)
class Report:
    """What was made, with what, and what each stage cost (seconds of processor time but for `wall_s`).

    `resumed_frames` of the `frames` were made by an earlier attempt, and cost nothing now; `cached_frames` were made
    for an earlier job and came from the cache, of which `cache` tells more (`appliance.pipeline.cached.Used`).
    `bytes_written` is by place, in this attempt: the work folder's fragments and sound, the video, what the cache took.
    """

    avatar: str
    width: int
    height: int
    fps: float
    engine: str
    device: str
    encoder: str
    threads: int
    frames: int = 0
    seconds: float = 0.0
    resumed_frames: int = 0
    cached_frames: int = 0
    correction_ms: float = 0.0
    stages: dict[str, float] = field(default_factory=dict)
    telemetry: dict[str, Any] = field(default_factory=dict)
    cache: dict[str, Any] = field(default_factory=dict)
    bytes_written: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
