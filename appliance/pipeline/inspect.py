"""What an uploaded file is, found by decoding all of it, so that nothing unreadable gets as far as a job.

`inspect` returns what an operator wants to know, ready for JSON:

    type           "picture", "video" or "sound"
    width, height  pixels, upright; None for a sound
    seconds        exact, of what was decoded; None for a picture
    waveform       `PEAKS` numbers 0..1, the loudest sample of each part of the sound; empty where there is none
    warnings       what is odd about it, in words

The readers are those of enrolment and rendering, with their limits. A video with sound is a "video", and can serve as
either; one that cannot be an avatar (too long, damaged pictures) but can be heard is a "sound", and a warning says why.
A picture inside a sound file (cover art) is passed over. `InputError`, naming the file, if it can serve as nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline import images
from appliance.pipeline.progress import Job
from appliance.pipeline.sound import open_sound
from appliance.pipeline.video import VideoSource
from appliance.settings import SPEECH_RATE_HZ

PEAKS: Final = 200
STAGE: Final = "decode"
_HOP: Final = SPEECH_RATE_HZ // 200
"""Samples in one number before the length is known: 5 ms."""
_INAUDIBLE: Final = 0.003
"""-50 dB of full scale: no microphone's speech is as faint."""


def inspect(path: Path, job: Job) -> dict[str, Any]:
    """Decode the file at `path`; see the module's docstring. Progress is reported in the stage "decode"."""
    images.check_readable(path)
    job.step(STAGE, 0, 1)
    if images.is_picture(path):
        height, width = images.load_picture(path).shape[:2]
        job.step(STAGE, 1, 1)
        return _result("picture", width=width, height=height)
    moving, heard = _contents(path)
    if not moving:
        return _sound(path, job)
    try:
        seen = _video(path, job)
    except InputError as error:
        if not heard:
            raise
        result = _sound(path, job)
        result["warnings"].append(f"only its sound can be used, not its pictures: {error.message}")
        return result
    if heard:
        try:
            sound = _sound(path, job)
        except InputError as error:
            seen["warnings"].append(f"only its pictures can be used, not its sound: {error.message}")
        else:
            seen |= {"waveform": sound["waveform"], "warnings": sound["warnings"]}
    return seen


def _contents(path: Path) -> tuple[bool, bool]:
    """Whether the file holds moving pictures, and whether it holds sound."""
    import av
    from av.stream import Disposition

    try:
        with av.open(str(path.absolute()), metadata_errors="replace", options={"protocol_whitelist": "file"}) as file:
            moving = any(Disposition.attached_pic not in stream.disposition for stream in file.streams.video)
            return moving, bool(file.streams.audio)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(
            f"{path} is neither a picture, a video nor a recording that can be read",
            hint="use PNG, JPEG, WebP, MP4, WebM, MOV, WAV, MP3 or FLAC; if it is one, it was cut off: copy it again",
        ) from error


def _video(path: Path, job: Job) -> dict[str, Any]:
    with VideoSource(path) as video:
        count = 0
        for count, _ in enumerate(video.frames(), 1):
            job.step(STAGE, count, max(video.expected_frames, count))
        return _result("video", width=video.width, height=video.height, seconds=float(count / video.rate))


def _sound(path: Path, job: Job) -> dict[str, Any]:
    peaks: list[NDArray[np.float32]] = []
    left = np.zeros(0, np.float32)
    with open_sound(path) as reader:
        for block in reader.blocks():
            samples = np.concatenate([left, block.speech])
            whole = len(samples) // _HOP * _HOP
            peaks.append(np.abs(samples[:whole]).reshape(-1, _HOP).max(1))
            left = samples[whole:]
            done = float(reader.seconds)
            job.step(STAGE, done, max(reader.duration_hint or 0, done))
        loudest = np.concatenate([*peaks, np.abs(left).max(initial=0, keepdims=True)])
        starts = np.arange(PEAKS) * len(loudest) // PEAKS
        waveform = np.maximum.reduceat(loudest, starts)
        warnings = list(reader.warnings)
        if waveform.max() < _INAUDIBLE:
            warnings.append(f"{path} is silent")
        return _result(
            "sound",
            seconds=float(reader.seconds),
            waveform=[round(float(peak), 3) for peak in np.minimum(waveform, 1)],
            warnings=warnings,
        )


def _result(
    kind: str,
    *,
    width: int | None = None,
    height: int | None = None,
    seconds: float | None = None,
    waveform: list[float] | None = None,
    warnings: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "type": kind,
        "seconds": None if seconds is None else round(seconds, 3),
        "width": width,
        "height": height,
        "waveform": waveform or [],
        "warnings": warnings or [],
    }
