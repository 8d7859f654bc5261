"""One recording, from the first sample to a file that is closed.

    asked for N seconds     everything from the first sample is written
    until silence           from `PRE_ROLL_S` before the first word to `TAIL_S` after the last; nothing is written
                            before someone speaks, and what is heard meanwhile waits in memory (`nothing_s` at most)

It ends as `Ended` says. However it ends, what was heard is kept, except `NOTHING` (unless `keep_silence`) and
`CANCELLED`. A microphone that goes and a disk that is full end the recording, not the program: `Recording.message` and
`.hint` are for the person who spoke.
"""

from __future__ import annotations

import errno
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from appliance.capture.endpoint import Endpoint, VoiceActivity
from appliance.capture.level import SILENCE_DB, Level, frame_levels, measure
from appliance.capture.noise import NoiseFloor
from appliance.capture.source import Block, LostError
from appliance.capture.wav import HEADER, WIDTH, WavFile
from appliance.settings import SPEECH_RATE_HZ

PRE_ROLL_S: Final = 0.8
"""In noise at 10 dB a first syllable that begins with a weak consonant was found up to 0.66 s late."""
TAIL_S: Final = 0.5
NOTHING_S: Final = 10.0
_TICK_S: Final = 0.1
_CLIPPED_BLOCKS: Final = 3
_CLIPPED: Final = "the microphone was overdriven, so the sound is distorted; speak from further away or lower its gain"


class Ended(StrEnum):
    SILENCE = "silence"
    LENGTH = "length"
    LIMIT = "limit"
    STOPPED = "stopped"
    CANCELLED = "cancelled"
    POWER = "power fails"
    NOTHING = "nothing"
    LOST = "unplugged"
    FULL = "disk full"


class Order(StrEnum):
    """What whoever started the recording may ask of it meanwhile."""

    STOP = "stop"
    CANCEL = "cancel"
    POWER_FAILS = "power fails"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to record. `seconds`: so long; None: until `silence_stop_s` of silence after someone spoke."""

    seconds: float | None
    silence_stop_s: float = 1.5
    nothing_s: float = NOTHING_S
    max_seconds: float = 120.0
    max_bytes: int = 64_000_000
    keep_silence: bool = False


@dataclass(frozen=True, slots=True)
class Meter:
    """About ten times a second. `speech`: someone has begun to speak; `seconds` will be in the file so far."""

    seconds: float
    peak_db: float
    level_db: float
    noise_db: float | None
    speech: bool
    clipped: bool


@dataclass(frozen=True, slots=True)
class Recording:
    """What came of it. `path` is None if nothing was kept."""

    path: Path | None
    seconds: float
    ended: Ended
    message: str
    hint: str
    peak_db: float
    noise_db: float | None
    clipped: bool
    warnings: list[str] = field(default_factory=list)


class Microphone(Protocol):
    """`source.Source`, for instance."""

    def read(self, timeout_s: float) -> Block | None: ...


class _FullError(Exception):
    """The disk took no more."""


class Recorder:
    """Records one plan into `path`. `activity` may be None where the plan says how many seconds."""

    def __init__(self, microphone: Microphone, path: Path, plan: Plan, activity: VoiceActivity | None = None) -> None:
        self._microphone, self._path, self._plan = microphone, path, plan
        self._noise = NoiseFloor()
        self._endpoint: Endpoint | None = None
        if plan.seconds is None:
            if activity is None:
                raise ValueError("to stop after a silence takes a voice activity")
            self._endpoint = Endpoint(activity, plan.silence_stop_s)
        self._file: WavFile | None = None
        self._waiting: deque[NDArray[np.float32]] = deque()
        self._first = 0
        """Where the file begins, in samples heard."""
        self._heard = 0
        self._loudest_db = SILENCE_DB
        self._clipped = 0
        self._lost: LostError | None = None

    def run(self, report: Callable[[Meter], None], order: Callable[[], Order | None]) -> Recording:
        """Record to the end. `report` and `order` are called after every block, and every `_TICK_S` if none comes."""
        try:
            return self._finished(self._follow(report, order))
        except BaseException:
            if self._file is not None:
                self._file.close()
            raise

    def _follow(self, report: Callable[[Meter], None], order: Callable[[], Order | None]) -> Ended:
        level = Level(SILENCE_DB, SILENCE_DB)
        clipped = False
        while True:
            match order():
                case Order.STOP:
                    return Ended.STOPPED
                case Order.CANCEL:
                    return Ended.CANCELLED
                case Order.POWER_FAILS:
                    return Ended.POWER
            try:
                block = self._microphone.read(_TICK_S)
            except LostError as error:
                self._lost = error
                return Ended.LOST
            if block is not None:
                level, clipped = measure(block.samples), block.clipped
                self._loudest_db = max(self._loudest_db, level.peak_db)
                self._clipped += clipped
                try:
                    ended = self._hear(block.samples)
                except _FullError:
                    return Ended.FULL
                if ended is not None:
                    return ended
            started = self._file is not None
            report(Meter(self._seconds, level.peak_db, level.rms_db, self._noise.db, started, clipped))

    def _hear(self, samples: NDArray[np.float32]) -> Ended | None:
        self._heard += len(samples)
        levels = frame_levels(samples)
        self._noise.push(levels)
        self._keep(samples)
        plan, endpoint = self._plan, self._endpoint
        if endpoint is not None:
            endpoint.push(samples, levels, self._noise.db)
            if endpoint.started is not None and self._file is None:
                self._begin(max(0, endpoint.started - round(PRE_ROLL_S * SPEECH_RATE_HZ)))
            if endpoint.finished:
                return Ended.SILENCE
            if self._file is None and self._heard >= plan.nothing_s * SPEECH_RATE_HZ:
                return Ended.NOTHING
        elif plan.seconds is not None and self._seconds >= plan.seconds:
            return Ended.LENGTH
        return Ended.LIMIT if self._heard - self._first >= self._most else None

    @property
    def _most(self) -> int:
        """Samples that the file may hold."""
        room = (self._plan.max_bytes - HEADER) // WIDTH
        return min(room, round(self._plan.max_seconds * SPEECH_RATE_HZ))

    @property
    def _seconds(self) -> float:
        return (self._heard - self._first) / SPEECH_RATE_HZ

    def _keep(self, samples: NDArray[np.float32]) -> None:
        self._waiting.append(samples)
        if self._endpoint is None and self._file is None:
            self._begin(0)
        elif self._file is not None:
            self._write(self._file)

    def _begin(self, first: int) -> None:
        """Open the file; it begins with sample `first`, which still waits in memory."""
        self._first = first
        self._waiting = deque([np.concatenate(self._waiting)[first:]])
        with _room_needed():
            self._file = WavFile(self._path)
        self._write(self._file)

    def _write(self, file: WavFile) -> None:
        while self._waiting:
            with _room_needed():
                file.append(self._waiting.popleft())

    def _finished(self, ended: Ended) -> Recording:
        """Close the file at the right place, and say how it went."""
        if ended is not Ended.CANCELLED and (ended is not Ended.NOTHING or self._plan.keep_silence):
            ended = self._flushed(ended)
        seconds = 0.0
        if file := self._file:
            if ended is not Ended.CANCELLED:
                file.truncate(self._end(ended))
                seconds = file.samples / SPEECH_RATE_HZ
            if seconds:
                file.close()
            else:
                file.discard()
            self._file = None
        message, hint = self._words(ended, seconds)
        clipped = self._clipped >= _CLIPPED_BLOCKS
        return Recording(
            path=self._path if seconds else None,
            seconds=seconds,
            ended=ended,
            message=message,
            hint=hint,
            peak_db=round(self._loudest_db, 1),
            noise_db=None if self._noise.db is None else round(self._noise.db, 1),
            clipped=clipped,
            warnings=[_CLIPPED] if clipped else [],
        )

    def _flushed(self, ended: Ended) -> Ended:
        """Write what waits because nobody has spoken yet, as far as there is room."""
        if self._file is None and self._heard:
            try:
                self._begin(0)
            except _FullError:
                return Ended.FULL
        return ended

    def _end(self, ended: Ended) -> int:
        """The file's length in samples."""
        if ended is Ended.SILENCE and self._endpoint is not None and self._endpoint.last is not None:
            return self._endpoint.last + round(TAIL_S * SPEECH_RATE_HZ) - self._first
        if self._plan.seconds is not None:
            return min(self._most, round(self._plan.seconds * SPEECH_RATE_HZ))
        return self._most

    def _words(self, ended: Ended, seconds: float) -> tuple[str, str]:
        plan = self._plan
        match ended:
            case Ended.NOTHING:
                hint = "speak closer to the microphone, or check that it is the right one"
                return f"nothing was said within {plan.nothing_s:g} s", hint
            case Ended.LIMIT:
                return f"the recording ended at its limit, after {seconds:.1f} s", ""
            case Ended.LOST if self._lost is not None:
                kept = f"; the {seconds:.1f} s before are kept" if seconds else ""
                return f"{self._lost.message}{kept}", self._lost.hint
            case Ended.FULL:
                kept = f"; {seconds:.1f} s are kept" if seconds else ""
                return f"the disk is full{kept}", "remove videos or uploads, then record again"
            case Ended.CANCELLED:
                return "the recording was thrown away", ""
            case Ended.STOPPED if not seconds:
                return "nothing was recorded yet", "stop a little later"
            case Ended.POWER:
                return f"the power failed; {seconds:.1f} s are kept", ""
        return "", ""


@contextmanager
def _room_needed() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise _FullError from error
        raise
