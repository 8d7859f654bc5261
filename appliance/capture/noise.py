"""The noise floor: how loud the room is when nobody speaks.

It is the lowest level, smoothed over 100 ms, of the last three seconds, so speech with its pauses does not raise it
and a fan that is switched on does after three seconds (the idea of minimum statistics: R. Martin, Noise power spectral
density estimation based on optimal smoothing and minimum statistics, 2001; here of the level as a whole).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from appliance.capture.level import FRAME
from appliance.settings import SPEECH_RATE_HZ

_HZ: Final = SPEECH_RATE_HZ // FRAME
MEASURED_S: Final = 0.4
"""How long it listens before it says anything."""
_SMOOTH: Final = 5
_REMEMBERED: Final = 3 * _HZ


class NoiseFloor:
    """Fed with the level of every frame. `db` is None until the floor has been measured."""

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_SMOOTH)
        self._smooth: deque[float] = deque(maxlen=_REMEMBERED)

    def push(self, levels: Iterable[float]) -> None:
        for level in levels:
            self._recent.append(level)
            if len(self._recent) == _SMOOTH:
                self._smooth.append(sum(self._recent) / _SMOOTH)

    @property
    def db(self) -> float | None:
        return min(self._smooth) if len(self._smooth) > MEASURED_S * _HZ - _SMOOTH else None
