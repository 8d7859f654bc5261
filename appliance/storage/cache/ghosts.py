"""Fingerprints of items that were turned away lately, eight bytes each.

The list is cut into rows of eight; a fingerprint belongs to one row and pushes the oldest out of it. That forgets
nearly in the order of arrival and needs no links, and its bytes are its stored form.
"""

from __future__ import annotations

import sys
from array import array
from typing import Final

ROW: Final = 8
_ITEM_BYTES: Final = 8


class Ghosts:
    """Remembers about `capacity` fingerprints, integers from 1 to 2**64 - 1."""

    def __init__(self, capacity: int) -> None:
        self._rows = max(-(-capacity // ROW), 1)
        self._slots = array("Q", bytes(self._rows * ROW * _ITEM_BYTES))

    @property
    def capacity(self) -> int:
        return len(self._slots)

    def add(self, fingerprint: int) -> None:
        """Remember it as the newest of its row."""
        start = fingerprint % self._rows * ROW
        row = [one for one in self._slots[start : start + ROW] if one != fingerprint]
        self._slots[start : start + ROW] = array("Q", [fingerprint, *row][:ROW])

    def take(self, fingerprint: int) -> bool:
        """Whether it is remembered; if so, no longer."""
        start = fingerprint % self._rows * ROW
        row = [one for one in self._slots[start : start + ROW] if one != fingerprint]
        if len(row) == ROW:
            return False
        self._slots[start : start + ROW] = array("Q", [*row, 0])
        return True

    def resized(self, capacity: int) -> Ghosts:
        """A list of another length with the same fingerprints, as far as they fit."""
        new = Ghosts(capacity)
        for age in reversed(range(ROW)):
            for fingerprint in self._slots[age::ROW]:
                if fingerprint:
                    new.add(fingerprint)
        return new

    def dump(self) -> bytes:
        """Its stored form, little-endian."""
        slots = self._slots[:]
        if sys.byteorder == "big":
            slots.byteswap()
        return slots.tobytes()

    @classmethod
    def load(cls, stored: bytes) -> Ghosts:
        """The list that `dump` stored; what is not whole rows is cut off."""
        ghosts = cls(len(stored) // (ROW * _ITEM_BYTES) * ROW)
        whole = len(stored) // (ROW * _ITEM_BYTES) * ROW * _ITEM_BYTES
        if whole:
            ghosts._slots = array("Q", stored[:whole])
            if sys.byteorder == "big":
                ghosts._slots.byteswap()
        return ghosts
