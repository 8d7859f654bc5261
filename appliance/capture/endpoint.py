"""When the speaker began and when they have finished.

A frame of 20 ms is speech where the voice activity says so and it is louder than the noise floor by `_ABOVE_NOISE_DB`;
single frames do not count, three of five do. All times are in samples heard, never by a clock.

Someone who speaks from the first moment hides the noise floor until they pause. So the first `_OPENING_S` are decided
anew whenever more was heard, with the floor as it is known by then; it can only have fallen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.capture.level import FRAME
from appliance.settings import SPEECH_RATE_HZ

VoiceActivity = Callable[[NDArray[np.float32]], Sequence[float]]
"""Given the next samples, the likelihood of speech of every frame of `FRAME` samples that it has decided since.

It may be late, as a network that looks ahead is, but leaves no frame out."""

_SPEECH: Final = 0.5
_ABOVE_NOISE_DB: Final = 3.0
_WINDOW, _NEEDED = 5, 3
_OPENING_S: Final = 3.0


class Endpoint:
    """`started` and `last` are where speech began and where it last was, in samples from the start, or None."""

    def __init__(self, activity: VoiceActivity, silence_stop_s: float) -> None:
        self._activity = activity
        self._silence = silence_stop_s * SPEECH_RATE_HZ
        self._likely: deque[float] = deque()
        self._levels: deque[float] = deque()
        self._opening: list[tuple[float, float]] | None = []
        self._restart()

    def _restart(self) -> None:
        self._window: deque[bool] = deque(maxlen=_WINDOW)
        self._decided = 0
        self.started: int | None = None
        self.last: int | None = None

    def push(self, samples: NDArray[np.float32], levels: Iterable[float], noise_db: float | None) -> None:
        """Hear a block of whole frames, with the level of each and the noise floor (None: not measured yet)."""
        self._likely.extend(self._activity(samples))
        self._levels.extend(levels)
        if noise_db is None:
            return
        frames = [
            (self._likely.popleft(), self._levels.popleft()) for _ in range(min(len(self._likely), len(self._levels)))
        ]
        if self._opening is not None:
            self._restart()
            frames = self._opening = self._opening + frames
            if len(frames) * FRAME >= _OPENING_S * SPEECH_RATE_HZ:
                self._opening = None
        for likely, level in frames:
            self._decide(likely >= _SPEECH and level >= noise_db + _ABOVE_NOISE_DB)

    def _decide(self, speech: bool) -> None:
        self._window.append(speech)
        self._decided += FRAME
        if sum(self._window) >= _NEEDED:
            self.last = self._decided
            if self.started is None:
                self.started = self._decided - FRAME * len(self._window)

    @property
    def finished(self) -> bool:
        """Someone spoke, and has been silent for long enough."""
        return self.last is not None and self._decided - self.last >= self._silence
