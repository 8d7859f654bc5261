"""The files of a render: its video and poster in `data/outputs`, its preview in memory, its unfinished work.

The unfinished work, `data/work/JOB`, holds what `appliance.pipeline.resume` keeps there and, once the render is made,
the video, the poster and `result.json`, the last to be written. `place` moves the two to where people find them, and
may do so again after a crash.
"""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any, Final

from appliance.jobs import leftovers
from appliance.storage import atomic
from appliance.volumes import Volumes

MADE: Final = "video.mp4"
_POSTER: Final = "poster.jpg"
_RESULT: Final = "result.json"


def video(volumes: Volumes, job: str) -> Path:
    """The finished video of a job."""
    return volumes.outputs / f"{job}.mp4"


def poster(volumes: Volumes, job: str) -> Path:
    """A still picture of it."""
    return volumes.outputs / f"{job}.jpg"


def preview(volumes: Volumes, job: str) -> Path:
    """A frame that is being made."""
    return volumes.run / "preview" / f"{job}.jpg"


def work(volumes: Volumes, job: str) -> Path:
    """The folder of its unfinished work."""
    return volumes.work / job


def show(volumes: Volumes, job: str, jpeg: bytes) -> bool:
    """Replace the preview; whether that worked is no concern of the render."""
    target = preview(volumes, job)
    fresh = target.with_suffix(".new")
    with contextlib.suppress(OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(jpeg)
        fresh.replace(target)
        return True
    return False


def complete(volumes: Volumes, job: str, still: bytes, result: dict[str, Any]) -> None:
    """Write down that the video in the work folder is all that was to be made."""
    folder = work(volumes, job)
    atomic.write_bytes(folder / _POSTER, still)
    atomic.write_bytes(folder / _RESULT, json.dumps(result).encode())


def completed(volumes: Volumes, job: str) -> dict[str, Any] | None:
    """The result that was written down, if any."""
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads((work(volumes, job) / _RESULT).read_bytes())
        return found
    return None


def place(volumes: Volumes, job: str) -> None:
    """Move what is complete to where people find it; the poster first, so that no video is without."""
    leftovers.make_folder(volumes.outputs)
    for name, target in ((_POSTER, poster(volumes, job)), (MADE, video(volumes, job))):
        with contextlib.suppress(FileNotFoundError):  # moved before the last crash
            (work(volumes, job) / name).replace(target)
    atomic.fsync_directory(volumes.outputs)


def discard(volumes: Volumes, job: str) -> None:
    """Take away what making a job left behind; not its video."""
    preview(volumes, job).unlink(missing_ok=True)
    if work(volumes, job).is_dir():
        leftovers.remove(work(volumes, job))
