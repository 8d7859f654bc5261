"""Values that were turned away lately, in memory: who asks for one again soon gets it, and no flash was written.

The window is a queue of so many bytes, `OVERHEAD` for each value included: what comes in pushes the oldest out. A value
that is larger than the window is out again at once.
"""

from __future__ import annotations

from typing import Final

OVERHEAD: Final = 256
"""Bytes of RAM that a value costs beside its own: two objects and their place in a dict."""


class Window:
    """Values by the digests of their keys, `capacity` bytes at most."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._values: dict[bytes, bytes] = {}
        self.memory = 0
        """Bytes of RAM."""

    def __len__(self) -> int:
        return len(self._values)

    def get(self, digest: bytes) -> bytes | None:
        return self._values.get(digest)

    def take(self, digest: bytes) -> bytes | None:
        """The value, which is in the window no longer."""
        data = self._values.pop(digest, None)
        if data is not None:
            self.memory -= len(data) + OVERHEAD
        return data

    def hold(self, digest: bytes, data: bytes) -> list[bytes]:
        """Take it in as the newest; the digests of those that had to go for it, oldest first."""
        self.take(digest)
        self._values[digest] = data
        self.memory += len(data) + OVERHEAD
        return self._shrunk(self._capacity)

    def emptied(self) -> list[bytes]:
        """Let everything go; the digests, oldest first."""
        return self._shrunk(0)

    def _shrunk(self, most: int) -> list[bytes]:
        gone = []
        while self.memory > most:
            gone.append(next(iter(self._values)))
            self.take(gone[-1])
        return gone
