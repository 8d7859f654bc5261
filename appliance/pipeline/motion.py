"""Sound to motion, as a stream.

`load_motion_model()` loads the shipped network; `model.stream(fps)` turns mono 16 kHz float32 blocks of any length into
frames of a `MotionTrack`, each at most `LOOK_AHEAD_S` after the instant it shows: a stop is known by what follows it.
Offline is the same computation in one block, so the track does not depend on how the sound was cut. Memory does not
grow with the length: a stream holds the network's state and a fraction of a second of frames. Small blocks are gathered
to `GATHERED_S`, because a call costs more than the arithmetic of a few frames.

The network answers at 100 Hz for 10 ms each. A video frame shows the mean over its own time, `_LEAD_S` later and at
most `_HALF_S` to either side, except `closure`, where it shows the strongest: a closure can be shorter than a frame and
must not vanish. Where speech is less than sure the mouth closes with its likelihood.
The viseme is the one with the highest mean log-odds. A track has ceil(duration * fps) frames, at least one if any
sample came.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline import motion_engines, motion_weights
from appliance.pipeline.mel import BANDS, FRAME_HZ, HOP, WINDOW, Channel, Level, MelStream
from appliance.pipeline.motion_engines import Array
from appliance.pipeline.motion_guard import GuardedEngine
from appliance.pipeline.track import MotionTrack
from appliance.settings import SPEECH_RATE_HZ

STEP_FRAMES: Final = 2
DELAY_FRAMES: Final = 22
"""How late the network answers, in mel frames; fixed by its training (`motion_net.DELAY`)."""
GATHERED_S: Final = 0.19
_HALF_S: Final = 0.0175
_LEAD_S: Final = 0.01
"""A frame shows what is said so much after its middle: the network's curves are 0 to 20 ms late, by the voice."""
_NO_SPEECH, _SURE_SPEECH = 0.5, 0.9
"""Voice activities between which the mouth opens: chosen on the validation voices, for silence."""
LOOK_AHEAD_S: Final = (
    (DELAY_FRAMES + STEP_FRAMES - 1) / FRAME_HZ + GATHERED_S + WINDOW / 2 / SPEECH_RATE_HZ + _LEAD_S + _HALF_S
)
"""From the instant that a frame shows to the last sample that must be there before it is given out: 460 ms."""
_BLOCK_FRAMES: Final = 1000
_OPENING, _CLOSURE, _WIDTH, _ROUNDING, _VAD, _VISEMES = 0, 1, 2, 3, 4, 5


class MotionModel:
    """A loaded network. `device` is the one in use now; `warnings` says what made it change."""

    def __init__(self, weights: motion_weights.Weights, engine: str, device: str) -> None:
        self.engine = engine
        self.warnings: list[str] = []
        first = motion_engines.load(weights, engine, device)
        self._guard = GuardedEngine(first, device, lambda: motion_engines.load(weights, engine, "cpu"), self.warnings)

    @property
    def device(self) -> str:
        return self._guard.device

    def stream(self, fps: float) -> MotionStream:
        """A new stream of frames at `fps`."""
        if not 1 <= fps <= FRAME_HZ:
            raise InputError(
                f"the frame rate {fps:g} is out of range", hint=f"choose 1 to {FRAME_HZ:g} frames a second"
            )
        return MotionStream(self._guard, fps)


def load_motion_model(weights: Path | None = None, *, engine: str = "onnxruntime", device: str = "cpu") -> MotionModel:
    """The network at `weights` (None: the shipped one) on `engine` ("onnxruntime" or "torch") and `device`."""
    return MotionModel(motion_weights.read(weights), engine, device)


class MotionStream:
    """One voice, from its first sample to its last."""

    def __init__(self, engine: GuardedEngine, fps: float) -> None:
        self._engine = engine
        self._state = engine.initial()
        self._gathered: list[Array] = []
        self._mel = MelStream()
        self._level = Level()
        self._channel = Channel()
        self._waiting: Array = np.zeros((0, BANDS), np.float32)
        self._frames = _VideoFrames(fps)
        self._late = DELAY_FRAMES
        self._fps = fps
        self._finished = False

    def push(self, samples: NDArray[np.float32]) -> MotionTrack:
        """Hear a block; the frames that became final, possibly none."""
        if self._finished:
            raise ValueError("the stream is finished")
        self._gathered.append(np.array(samples, np.float32))
        if sum(map(len, self._gathered)) < GATHERED_S * SPEECH_RATE_HZ:
            return MotionTrack.at_rest(self._fps, 0)
        return self._frames.take(self._heard(self._taken()), final=None)

    def finish(self) -> MotionTrack:
        """The remaining frames."""
        self._finished = True
        rest = self._taken()
        total = math.ceil(round(self._mel.samples * self._fps / SPEECH_RATE_HZ, 6))
        needed = math.ceil(self._mel.samples / HOP)
        needed += DELAY_FRAMES + (needed + DELAY_FRAMES) % STEP_FRAMES
        mel = np.concatenate([rest, self._mel.finish(needed)])
        curves = self._heard(mel) if total else np.zeros((0, 17), np.float32)
        return self._frames.take(curves, final=total)

    def _taken(self) -> Array:
        """The frames that the gathered samples make whole."""
        samples = np.concatenate([np.zeros(0, np.float32), *self._gathered])
        self._gathered = []
        return self._mel.push(samples)

    def _heard(self, mel: Array) -> Array:
        """What the network answers to more frames, on time."""
        mel = np.concatenate([self._waiting, self._channel.equalised(self._level.relative(mel))])
        whole = len(mel) // STEP_FRAMES * STEP_FRAMES
        self._waiting = mel[whole:]
        parts = []
        for start in range(0, whole, _BLOCK_FRAMES):
            curves, self._state = self._engine.run(
                np.ascontiguousarray(mel[start : min(start + _BLOCK_FRAMES, whole)]), self._state
            )
            parts.append(curves)
        if not parts:
            return np.zeros((0, 17), np.float32)
        curves = np.concatenate(parts)
        skipped = min(self._late, len(curves))
        self._late -= skipped
        return curves[skipped:]


class _VideoFrames:
    """Gathers the 100 Hz curves into video frames."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._next = 0
        self._first = 0
        self._kept: Array = np.zeros((0, 17), np.float32)

    def _span(self, frame: int) -> tuple[int, int]:
        """The 100 Hz frames, from and to, whose middles a video frame shows; never none."""
        middle, half = (frame + 0.5) / self._fps + _LEAD_S, min(0.5 / self._fps, _HALF_S)
        start = math.ceil(round((middle - half) * FRAME_HZ - 0.5, 6))
        stop = math.ceil(round((middle + half) * FRAME_HZ - 0.5, 6))
        return (start, stop) if stop > start else (round(middle * FRAME_HZ - 0.5), round(middle * FRAME_HZ - 0.5) + 1)

    def take(self, curves: Array, *, final: int | None) -> MotionTrack:
        """Add curves; the video frames that are whole, or with `final` all up to that number."""
        self._kept = np.concatenate([self._kept, curves])
        rows: list[Array] = []
        while len(self._kept):
            start, stop = self._span(self._next)
            if final is None and stop > self._first + len(self._kept):
                break
            if final is not None and self._next >= final:
                break
            last = self._first + len(self._kept) - 1
            rows.append(self._shown(self._kept[min(start, last) - self._first : max(stop, start + 1) - self._first]))
            self._next += 1
        drop = min(max(self._span(self._next)[0] - self._first, 0), max(len(self._kept) - 1, 0))
        self._kept, self._first = self._kept[drop:], self._first + drop
        return self._track(rows)

    @staticmethod
    def _shown(span: Array) -> Array:
        shown: Array = span.mean(axis=0)
        shown[_CLOSURE] = span[:, _CLOSURE].max()
        shown[_OPENING] *= np.clip((shown[_VAD] - _NO_SPEECH) / (_SURE_SPEECH - _NO_SPEECH), 0, 1)
        return shown

    def _track(self, rows: list[Array]) -> MotionTrack:
        if not rows:
            return MotionTrack.at_rest(self._fps, 0)
        table = np.stack(rows).astype(np.float32)
        return MotionTrack(
            self._fps,
            opening=table[:, _OPENING],
            closure=table[:, _CLOSURE],
            width=table[:, _WIDTH],
            rounding=table[:, _ROUNDING],
            vad=table[:, _VAD],
            viseme=table[:, _VISEMES:].argmax(axis=1).astype(np.int32),
        )
