"""When the speaker began and when they have finished.

A frame of 20 ms is speech where the voice activity says so and it is loud enough; single frames do not count, three of
five do. That somebody who has begun goes on is believed a little sooner than that they begin: to be cut off is the
worse fault. All times are in samples heard, never by a clock.

Loud enough is `_ABOVE_NOISE_DB` above the noise floor, and at most `_FAR_BELOW_DB` under the loudest that the speaker
has been. Where the level of the room moves by itself, because others talk for instance, it is as far above the floor as
the room is likely to come, but not so far that `_OWN_VOICE_DB` under the loudest would no longer count. After a pause
the sound must also last, for `_LASTING` of `_STRETCH` frames: a cup that is put down rings shorter.

Someone who speaks from the first moment hides the noise floor until they pause. So the first `_OPENING` frames are
decided anew whenever more was heard, with the floor as it is known by then; it can only have fallen.

docs/BENCHMARKS.md says on which recordings the numbers were chosen, and how the rule does on others.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.capture.level import FRAME
from appliance.settings import SPEECH_RATE_HZ

VoiceActivity = Callable[[NDArray[np.float32]], Sequence[float]]
"""Given the next samples, the likelihood of speech of every frame of `FRAME` samples that it has decided since.

It may be late, as a network that looks ahead is, but leaves no frame out."""

_HZ: Final = SPEECH_RATE_HZ // FRAME
_SPEECH, _MORE_SPEECH = 0.5, 0.4
"""The likelihood that counts as speech, and the one that does once somebody has begun."""
_ABOVE_NOISE_DB: Final = 3.0
_WINDOW, _NEEDED = 5, 3
_OPENING: Final = 3 * _HZ
_PAUSE: Final = 15
_STRETCH, _LASTING = 8, 6

_OWN_VOICE_DB: Final = 8.0
_FAR_BELOW_DB: Final = 25.0
_LOUDEST: Final = 95
"""The loudest that the speaker has been is this percentile of the last `_REMEMBERED` frames that the voice activity
and `_ABOVE_NOISE_DB` alone take for speech; not known before there are `_ENOUGH`."""
_REMEMBERED: Final = 10 * _HZ
_ENOUGH: Final = 10

_SMOOTH, _MOVES = 5, 15
_MOVES_REMEMBERED: Final = 3 * _HZ
_MOVEMENTS, _MOVEMENTS_DB = 8.0, 12.0
"""How far the room may rise over its floor: so many times what it moves in a quiet moment, at most so many dB."""


@dataclass(frozen=True, slots=True)
class _Frame:
    likelihood: float
    level_db: float


class Endpoint:
    """`started` and `last` are where speech began and where it last was, in samples from the start, or None."""

    def __init__(self, activity: VoiceActivity, silence_stop_s: float) -> None:
        self._activity = activity
        self._silence = silence_stop_s * SPEECH_RATE_HZ
        self._likely: deque[float] = deque()
        self._levels: deque[float] = deque()
        self._room = _Room()
        self._opening: list[_Frame] | None = []
        self._restart()

    def _restart(self) -> None:
        self._voice: deque[float] = deque(maxlen=_REMEMBERED)
        self._window: deque[bool] = deque(maxlen=_WINDOW)
        self._lasting: deque[bool] = deque(maxlen=_STRETCH)
        self._decided = 0
        self.started: int | None = None
        self.last: int | None = None

    def push(self, samples: NDArray[np.float32], levels: Iterable[float], noise_db: float | None) -> None:
        """Hear a block of whole frames, with the level of each and the noise floor (None: not measured yet)."""
        levels = list(levels)
        self._likely.extend(self._activity(samples))
        self._levels.extend(levels)
        self._room.push(levels)
        if noise_db is None:
            return
        frames = [
            _Frame(self._likely.popleft(), self._levels.popleft())
            for _ in range(min(len(self._likely), len(self._levels)))
        ]
        if self._opening is not None:
            self._restart()
            frames = self._opening = self._opening + frames
            if len(frames) >= _OPENING:
                self._opening = None
        lowest = noise_db + _ABOVE_NOISE_DB
        self._voice.extend(
            frame.level_db for frame in frames if frame.likelihood >= _SPEECH and frame.level_db >= lowest
        )
        needed = lowest
        if len(self._voice) >= _ENOUGH:
            loudest = float(np.percentile(self._voice, _LOUDEST))
            lowest = max(lowest, loudest - _FAR_BELOW_DB)
            room = noise_db + min(_MOVEMENTS * self._room.movement_db, _MOVEMENTS_DB)
            needed = max(lowest, min(room, loudest - _OWN_VOICE_DB))
        for frame in frames:
            enough = _SPEECH if self.started is None else _MORE_SPEECH
            self._decide(frame.likelihood >= enough and frame.level_db >= needed, frame.level_db >= lowest)

    def _decide(self, speech: bool, lasting: bool) -> None:
        self._window.append(speech)
        self._lasting.append(lasting)
        self._decided += FRAME
        if sum(self._window) < _NEEDED or (self._paused and sum(self._lasting) < _LASTING):
            return
        self.last = self._decided
        if self.started is None:
            self.started = self._decided - FRAME * len(self._window)

    @property
    def _paused(self) -> bool:
        return self.last is not None and self._decided - self.last > _PAUSE * FRAME

    @property
    def finished(self) -> bool:
        """Someone spoke, and has been silent for long enough."""
        return self.last is not None and self._decided - self.last >= self._silence


class _Room:
    """How much the level of the room moves by itself: the least that it moved in 300 ms, of the last three seconds.

    That is a moment in which the speaker paused. Of steady noise it is under 0.5 dB, of voices one to three.
    """

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=_MOVES_REMEMBERED + _MOVES + _SMOOTH - 2)

    def push(self, levels: Iterable[float]) -> None:
        self._levels.extend(levels)

    @property
    def movement_db(self) -> float:
        """0 until it is known."""
        if len(self._levels) < _MOVES + _SMOOTH - 1:
            return 0.0
        smooth = np.convolve(self._levels, np.full(_SMOOTH, 1 / _SMOOTH), "valid")
        stretches = np.lib.stride_tricks.sliding_window_view(smooth, _MOVES)
        return float(np.min(np.ptp(stretches, axis=1)))
