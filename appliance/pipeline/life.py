"""What a living face does beside speaking: it sways, raises its brows with the voice and blinks.

All of it is a function of the time and the seed (and, for accents, of the voice around that time), so that any part of
a video can be made by itself and the same input gives the same video. Times are seconds.
"""

from __future__ import annotations

import numpy as np

from appliance.pipeline.face_frame import Floats, smoothstep

_SWAY_HZ = (0.07, 0.43)
_SINES = 4
_BLINK_EVERY_S = (2.2, 5.6)
_CLOSING_S, _SHUT_S, _OPENING_S = 0.09, 0.04, 0.16


class Life:
    """The course of one seed."""

    def __init__(self, seed: int) -> None:
        generator = np.random.default_rng(seed)
        # Slow sines whose periods have nothing to do with each other never seem to repeat.
        self._rates = generator.uniform(*_SWAY_HZ, (4, _SINES)) * 2 * np.pi
        self._phases = generator.uniform(0, 2 * np.pi, (4, _SINES))
        weights = generator.uniform(0.5, 1, (4, _SINES))
        self._weights = weights / weights.sum(1, keepdims=True)
        self._blinks = np.random.default_rng([seed, 1])
        self._blink_times = np.array([self._blinks.uniform(0.8, _BLINK_EVERY_S[1])])

    def sway(self, times: Floats) -> Floats:
        """Four independent courses, mostly within -1..1 and never beyond 1.6: [4, N]."""
        angles = times[None, None, :] * self._rates[..., None] + self._phases[..., None]
        return np.asarray(1.6 * (np.sin(angles) * self._weights[..., None]).sum(1))

    def blink(self, times: Floats) -> Floats:
        """How far the eyes are closed, 0..1 [N]."""
        while len(times) and self._blink_times[-1] < times.max() + 1:
            gaps = self._blinks.uniform(*_BLINK_EVERY_S, 64)
            self._blink_times = np.append(self._blink_times, self._blink_times[-1] + np.cumsum(gaps))
        nearest = np.searchsorted(self._blink_times, times, side="right")
        since = times - self._blink_times[np.maximum(nearest - 1, 0)]
        since = np.where(nearest == 0, -1, since)
        closing = smoothstep(0, _CLOSING_S, since)
        opening = smoothstep(_CLOSING_S + _SHUT_S, _CLOSING_S + _SHUT_S + _OPENING_S, since)
        return np.asarray(np.where(since < 0, 0, closing * (1 - opening)))
