"""When a child that failed is started again: exponentially later, and rarely once it keeps failing.

The n-th failure within `window_s` is followed by a pause of `first_s * 2**(n-1)`, at most `longest_s`. The `limit`-th
makes the child degraded: it gets one trial after `pause_s`, and each failed trial doubles that pause, up to
`longest_pause_s`. A child that served for `window_s` starts with a clean slate.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    first_s: float = 0.5
    longest_s: float = 30.0
    limit: int = 8
    window_s: float = 300.0
    pause_s: float = 600.0
    longest_pause_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Verdict:
    wait_s: float
    degraded: bool


class Backoff:
    """One child's failures. Times are of one monotonic clock, in seconds."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._failures: list[float] = []
        self._trials = 0

    def failed(self, now: float, served_s: float) -> Verdict:
        """It failed after having been ready for `served_s` (0: never was)."""
        policy = self._policy
        if served_s >= policy.window_s:
            self.forgive()
        self._failures = [*(at for at in self._failures if now - at < policy.window_s), now]
        if self._trials or len(self._failures) >= policy.limit:
            pause = min(policy.pause_s * 2**self._trials, policy.longest_pause_s)
            self._trials += 1
            return Verdict(pause, degraded=True)
        return Verdict(min(policy.first_s * 2 ** (len(self._failures) - 1), policy.longest_s), degraded=False)

    def forgive(self) -> None:
        """Somebody repaired something: count from nothing."""
        self._failures.clear()
        self._trials = 0
