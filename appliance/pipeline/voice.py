"""The sound's side of a render, in a thread of its own: decode once, follow the mouth, write the sound track.

`Voice` grows a motion track that render threads wait on, part by part. With lip-sync correction it listens to the first
seconds before it hands anything out, measures the lag that is left, and shifts the sound that the network hears by as
much; `offset_ms` is a shift of the same kind. Given what an earlier one heard in the same sound it does not listen.
"""

from __future__ import annotations

import math
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import lip_sync
from appliance.pipeline.aac import SoundWriter
from appliance.pipeline.motion import MotionModel
from appliance.pipeline.options import Options
from appliance.pipeline.progress import Job
from appliance.pipeline.sound import SoundReader
from appliance.pipeline.track import MotionTrack
from appliance.settings import SPEECH_RATE_HZ

Samples = NDArray[np.float32]


_CORRECTION: Final = struct.Struct("<d")


@dataclass(frozen=True, slots=True)
class Heard:
    """All that there is to hear in a sound: the track to the video's end, and the lag that was taken out of it."""

    track: MotionTrack
    correction_s: float

    def packed(self) -> bytes:
        return _CORRECTION.pack(self.correction_s) + self.track.packed()

    @classmethod
    def unpacked(cls, fps: float, data: bytes) -> Heard:
        return cls(MotionTrack.unpacked(fps, data[_CORRECTION.size :]), _CORRECTION.unpack_from(data)[0])


class Voice:
    """Follows one recording at `rate` frames a second. `frames` is the video's length, None until it is known.

    With `heard` the network is not asked: it is what this very sound was found to say under these very options.
    """

    def __init__(
        self,
        reader: SoundReader,
        model: MotionModel,
        rate: Fraction,
        options: Options,
        sound_file: Path,
        job: Job,
        heard: Heard | None = None,
    ) -> None:
        self._reader, self._model, self._rate = reader, model, rate
        self._options, self._sound_file, self._job = options, sound_file, job
        self._changed = threading.Condition()
        self._parts: list[MotionTrack] = []
        self._known = 0
        self._skip = 0
        self._failed = False
        self._held: list[Samples] | None = [] if options.lip_sync_correction else None
        self._listens = heard is None
        self.frames: int | None = None
        self.correction_s = 0.0
        self.cpu_s = 0.0
        self.heard_s = 0.0
        """Processor time of `cpu_s` that listening took."""
        if heard is not None:
            self._held, self.correction_s = None, heard.correction_s
            self._grow(heard.track)

    @property
    def expected_frames(self) -> int | None:
        """The video's length as far as it can be told now."""
        if self.frames is not None:
            return self.frames
        seconds = self._options.duration or self._reader.duration_hint
        return None if seconds is None else max(1, round(seconds * self._rate))

    def run(self) -> None:
        """Follow the sound to its end; to be run in a thread."""
        started = time.thread_time()
        try:
            self._follow()
        except BaseException:
            with self._changed:
                self._failed = True
                self._changed.notify_all()
            raise
        finally:
            self.cpu_s = time.thread_time() - started

    def part(self, start: int, stop: int) -> MotionTrack | None:
        """Frames `start` to `stop` once they are known, fewer where the track ends; None past the video's end.

        An offset makes the track longer than the video. That is handed out too, as the context of what comes before
        it, so that a part is the same whether or not the end was known when it was asked for.
        """
        with self._changed:
            while not self._failed and self.frames is None and self._known < stop:
                self._changed.wait(0.5)
                self._job.check()
            if self._failed or (self.frames is not None and start >= self.frames):
                return None
            if len(self._parts) > 1:
                self._parts = [MotionTrack.joined(self._parts)]
            return self._parts[0][start:stop]

    @property
    def heard(self) -> Heard:
        """What was heard, once all is known."""
        with self._changed:
            return Heard(MotionTrack.joined(self._parts), self.correction_s)

    def _follow(self) -> None:
        if self._listens and self._held is None:
            self._start(0.0)
        with SoundWriter(self._sound_file, self._reader.rate, self._reader.channels) as writer:
            for block in self._reader.blocks():
                self._job.check()
                for frame in block.frames:
                    writer.write(frame)
                if self._listens:
                    self._listen(self._hear, block.speech)
            if self._listens:
                self._listen(self._end)
            frames = self._length(writer.seconds)
            writer.pad(frames / self._rate)
        self._finish(frames)

    def _length(self, sound: Fraction) -> int:
        if self._options.duration is not None:
            return max(1, round(self._options.duration * self._rate))
        # Sound and picture end within a frame of each other, and no sound is cut.
        return max(1, math.ceil(sound * self._rate - Fraction(1, 100)))

    def _listen(self, work: Callable[..., None], *what: Samples) -> None:
        started = time.thread_time()
        work(*what)
        self.heard_s += time.thread_time() - started

    def _end(self) -> None:
        if self._held is not None:
            self._correct()
        self._grow(self._stream.finish())

    def _hear(self, speech: Samples) -> None:
        if self._held is None:
            heard = speech[self._skip :]
            self._skip -= len(speech) - len(heard)
            self._grow(self._stream.push(heard))
            return
        self._held.append(speech)
        if sum(map(len, self._held)) >= lip_sync.LISTEN_S * SPEECH_RATE_HZ:
            self._correct()

    def _correct(self) -> None:
        """Measure the lag on what was kept back, then hand it out without it."""
        held = np.concatenate([*(self._held or []), np.zeros(0, np.float32)])
        self._held = None
        trial = self._model.stream(float(self._rate))
        part = trial.push(held)
        self.correction_s = lip_sync.lag_s(part, held)
        if self.correction_s == 0 and self._options.offset_ms == 0:
            self._stream = trial
            self._grow(part)
            return
        self._start(self.correction_s)
        self._hear(held)

    def _start(self, lag_s: float) -> None:
        """Begin to follow a sound that the network hears later by the offset asked for, less the lag found."""
        self._stream = self._model.stream(float(self._rate))
        samples = round((self._options.offset_ms / 1000 - lag_s) * SPEECH_RATE_HZ)
        self._skip = max(0, -samples)
        if samples > 0:
            self._grow(self._stream.push(np.zeros(samples, np.float32)))

    def _grow(self, part: MotionTrack) -> None:
        if len(part):
            with self._changed:
                self._parts.append(part)
                self._known += len(part)
                self._changed.notify_all()

    def _finish(self, frames: int) -> None:
        """Hold the mouth at rest to the end of the video, and say that all is known."""
        if self._known < frames:
            self._grow(MotionTrack.at_rest(float(self._rate), frames - self._known))
        with self._changed:
            self.frames = frames
            self._changed.notify_all()
