"""Motion track to performance: how the mouth of the track looks on a face, and what the rest of it does meanwhile.

A frame depends on the track at most `CONTEXT_S`, rounded up to four frames, before and after it, so a part of a video
can be made as soon as that much of the track is known, and comes out the same in whatever parts the video is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.face_frame import Floats, smoothstep
from appliance.pipeline.life import Life
from appliance.pipeline.modes import Mode
from appliance.pipeline.options import Options
from appliance.pipeline.performance import Performance
from appliance.pipeline.track import VISEMES, MotionTrack

CONTEXT_S: Final = 1.5
_SMOOTH_S = 0.022
_SPREAD_S = 0.03
_ACCENT_S, _BASELINE_S = 0.12, 0.55
_LIP_SPEED_S = 0.11
"""Lips take this long from sealed to fully open."""
_HOLD_FPS = 20.0
"""From this rate on the head need not move on every frame."""
_SLOW = np.array([0.10, 0.006, 0.006, 0.006], np.float32)
"""Less than this in four frames is slow: BROW, HEAD_X, HEAD_Y, ROLL; about a pixel at 1024 x 1024."""

_TONGUE = {"TH": 1.0, "ALV": 0.75}


@dataclass(frozen=True, slots=True)
class Animator:
    """Makes performances with one set of options. Thread-safe only with its own `life` per thread."""

    options: Options
    life: Life

    @classmethod
    def of(cls, options: Options) -> Animator:
        return cls(options, Life(options.seed))

    def perform(self, track: MotionTrack, first: int, *, start: int, stop: int) -> Performance:
        """Frames `start` to `stop` (of the video) from a part of its track that begins at frame `first`."""
        if self.options.smooth_motion:
            track = smoothed(track)
        scale = self.options.motion_scale
        speech = smoothstep(0.15, 0.5, track.vad)
        # A closure wins over whatever the opening says.
        closure = smoothstep(0.3, 0.6, track.closure) * speech
        tuck = _spread(track.viseme == VISEMES.index("FV"), track.fps) * speech * (1 - closure)
        opening = np.clip(track.opening * self.options.dynamic_scale, 0, 1) * speech * (1 - closure)
        opening = np.minimum(opening * (1 - 0.8 * tuck), _reach(closure, track.fps))
        rounding = np.clip(track.rounding, 0, 1) * speech
        width = np.clip(track.width, -1, 1) * speech * (1 - rounding)

        modes = np.zeros((len(track), len(Mode)), np.float32)
        modes[:, Mode.SEAL] = 1
        modes[:, Mode.OPEN] = opening * (1 - rounding)
        modes[:, Mode.OPEN_ROUND] = opening * rounding
        modes[:, Mode.WIDE] = width
        modes[:, Mode.ROUND] = rounding * (1 - 0.5 * closure)
        modes[:, Mode.PRESS] = closure
        modes[:, Mode.TUCK] = tuck
        modes[:, Mode.CHEEK] = scale * (0.5 * opening + 0.8 * np.maximum(width, 0))
        modes[:, Mode.BROW :] = scale * self._upper_face(track, first)
        tongue = sum(
            weight * _spread(track.viseme == VISEMES.index(name), track.fps) for name, weight in _TONGUE.items()
        )
        blink = self.life.blink((first + np.arange(len(track)) + 0.5) / track.fps)
        part = slice(start - first, stop - first)
        return Performance(modes, np.asarray(tongue, np.float32), blink.astype(np.float32))[part]

    def _upper_face(self, track: MotionTrack, first: int) -> Floats:
        """BROW, HEAD_X, HEAD_Y, ROLL [N, 4]."""
        frames = first + np.arange(len(track))
        sway = self.life.sway((frames + 0.5) / track.fps)
        voiced = track.opening * track.vad
        accent = np.clip(_gaussian(voiced, _ACCENT_S * track.fps) - _gaussian(voiced, _BASELINE_S * track.fps), 0, 1)
        engaged = 0.55 + 0.45 * _gaussian(track.vad, _BASELINE_S * track.fps)
        course = np.stack(
            [
                0.22 * (sway[3] * engaged) + 1.6 * accent,
                0.020 * sway[0] * engaged,
                0.012 * sway[1] * engaged + 0.055 * accent,
                0.014 * sway[2] * engaged,
            ],
            axis=1,
        )
        return _held(course, frames) if track.fps >= _HOLD_FPS else course


def _held(course: Floats, frames: NDArray[np.intp]) -> Floats:
    """The head's course with pauses that nobody sees: slow motion moves on every fourth frame, quick on every second.

    Where the head rests, most of its pixels need neither painting nor encoding. Whether a group of four is slow depends
    on its own frames and the next one, never on how the video is cut.
    """
    start = frames - frames % 4
    at = np.clip(start - frames[0], 0, len(frames) - 1)
    after = np.clip(at + 4, 0, len(frames) - 1)
    quick = (np.abs(course[after] - course[at]) > _SLOW).any(1)
    step = np.where(quick, frames - frames % 2, start) - frames[0]
    return np.asarray(course[np.clip(step, 0, None)])


def _reach(closure: Floats, fps: float) -> Floats:
    """The widest opening that lips coming from, or on their way to, a closure can have."""
    reach = np.full(len(closure), np.inf, np.float32)
    for away in range(1, round(_LIP_SPEED_S * fps) + 1):
        step = away / (_LIP_SPEED_S * fps)
        open_by = np.where(closure > 0.5, step, np.inf)
        reach[away:] = np.minimum(reach[away:], open_by[:-away])
        reach[:-away] = np.minimum(reach[:-away], open_by[away:])
    return reach


def smoothed(track: MotionTrack) -> MotionTrack:
    """Curves without jitter and without lag: a symmetric filter, never across a closure of the lips."""
    shut = track.closure > 0.5
    curves = {name: getattr(track, name).copy() for name in ("opening", "width", "rounding")}
    edges = np.flatnonzero(np.diff(shut.astype(np.int8))) + 1
    for run in np.split(np.arange(len(track)), edges):
        if len(run) < 2 or shut[run[0]]:
            continue
        for curve in curves.values():
            curve[run] = _gaussian(curve[run], _SMOOTH_S * track.fps)
    return MotionTrack(track.fps, closure=track.closure, vad=track.vad, viseme=track.viseme, **curves)


def _spread(present: Floats, fps: float) -> Floats:
    """How strongly a viseme is there: its neighbours already move towards it."""
    return np.asarray(np.clip(1.15 * _gaussian(present.astype(np.float32), _SPREAD_S * fps), 0, 1))


def _gaussian(curve: Floats, sigma: float) -> Floats:
    """A Gaussian over frames, cut at 2.5 sigma, with the ends repeated."""
    half = max(1, round(2.5 * sigma))
    row = np.ascontiguousarray(curve, np.float32).reshape(1, -1)
    return np.asarray(
        cv2.GaussianBlur(row, (2 * half + 1, 1), sigma, borderType=cv2.BORDER_REPLICATE).reshape(-1), np.float32
    )
