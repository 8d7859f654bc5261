"""How often somebody may guess a secret: a growing delay for each address, and a budget for all of them together.

An address may fail `FREE` times; from then on it waits 1, 2, 4 ... `MAX_DELAY_S` seconds after each failure. A guess
made while it waits is refused without looking at it, so it neither helps nor lengthens the wait. All addresses together
may fail `BURST` times, and once every `REFILL_S` seconds after that. Nobody is locked out for good: no delay exceeds
`MAX_DELAY_S`, and the common budget does not count for the box itself (loopback) or for an address that has given the
right password since the console started. IPv6 addresses count by their /64, for one machine owns so many.

A guess counts as wrong from its admission on, until it turns out right: many at once get no further than one by one.

Kept in memory only, bounded by `MAX_ADDRESSES`; a restart forgets it.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from appliance.console.errors import RefusedError
from appliance.console.security.hosts import is_loopback

FREE: Final = 3
MAX_DELAY_S: Final = 30.0
BURST: Final = 30
REFILL_S: Final = 2.0
MAX_ADDRESSES: Final = 4096


@dataclass(slots=True)
class _Guesser:
    failures: int = 0
    blocked_until: float = 0.0
    trusted: bool = False


class Throttle:
    """Call `admit` before a secret is looked at, and `succeeded` if it was right. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._guessers: OrderedDict[str, _Guesser] = OrderedDict()
        self._budget = float(BURST)
        self._filled_at = clock()

    def admit(self, address: str) -> None:
        """Raise a `RefusedError` (429) with the seconds to wait if this address may not guess now."""
        now = self._clock()
        with self._lock:
            guesser = self._guesser(address)
            shares = not (guesser.trusted or is_loopback(address))
            self._refill(now)
            wait = guesser.blocked_until - now
            if wait <= 0:
                wait = (1 - self._budget) * REFILL_S if shares and self._budget < 1 else 0.0
            if wait <= 0:
                self._budget -= shares
                guesser.failures += 1
                if guesser.failures >= FREE:
                    # The exponent is bounded, for floats are.
                    guesser.blocked_until = now + min(2.0 ** min(guesser.failures - FREE, 16), MAX_DELAY_S)
        if wait > 0:
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"too many wrong attempts; the next is possible in {max(1, round(wait))} s",
                hint="wait that long; `mouthpiece reset-password` on the box itself sets a new password",
                retry_after_s=wait,
            )

    def succeeded(self, address: str) -> None:
        with self._lock:
            guesser = self._guesser(address)
            if not (guesser.trusted or is_loopback(address)):
                self._budget = min(float(BURST), self._budget + 1)
            guesser.failures, guesser.blocked_until, guesser.trusted = 0, 0.0, True

    def _refill(self, now: float) -> None:
        self._budget = min(float(BURST), self._budget + (now - self._filled_at) / REFILL_S)
        self._filled_at = now

    def _guesser(self, address: str) -> _Guesser:
        key = _neighbourhood(address)
        guesser = self._guessers.setdefault(key, _Guesser())
        self._guessers.move_to_end(key)
        while len(self._guessers) > MAX_ADDRESSES:
            # Whoever is trusted stays as long as there are others.
            oldest = next((name for name, known in self._guessers.items() if not known.trusted), None)
            del self._guessers[oldest or next(iter(self._guessers))]
        return guesser


def _neighbourhood(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)
