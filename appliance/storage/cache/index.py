"""Where each item is: an open-addressing hash table in four arrays, 21 bytes a slot.

At most two thirds of the slots are taken, and more than a third of them once the table has grown: 31 to 63 bytes an
item, where a dict of Python integers takes more than 130. Items are found by a fingerprint of 64 bits, so that what
they are really called must be checked where they lie.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

MAX_HITS: Final = 3
MAX_KINDS: Final = 32
_SMALLEST: Final = 64
_TAKEN: Final = 0x80


class Entry(NamedTuple):
    """One item: the segment and the offset where its record begins, the record's length."""

    segment: int
    offset: int
    length: int
    kind: int
    hits: int = 0


class Index:
    """Fingerprints (below 2**64) to entries; segments, offsets and lengths are below 2**32."""

    def __init__(self) -> None:
        self._count = 0
        self._allocate(_SMALLEST)

    def _allocate(self, slots: int) -> None:
        self._mask = slots - 1
        self._fingerprints = array("Q", bytes(8 * slots))
        self._places = array("Q", bytes(8 * slots))
        self._lengths = array("I", bytes(4 * slots))
        self._marks = bytearray(slots)

    def __len__(self) -> int:
        return self._count

    @property
    def memory(self) -> int:
        """Bytes of RAM."""
        arrays = (self._fingerprints, self._places, self._lengths, self._marks)
        return sum(one.__sizeof__() for one in arrays)

    def get(self, fingerprint: int) -> Entry | None:
        slot = self._slot(fingerprint)
        return self._entry(slot) if self._marks[slot] else None

    def set(self, fingerprint: int, entry: Entry) -> None:
        slot = self._slot(fingerprint)
        if not self._marks[slot]:
            if 3 * (self._count + 1) > 2 * len(self._marks):
                self._grow()
                slot = self._slot(fingerprint)
            self._count += 1
        self._fingerprints[slot] = fingerprint
        self._places[slot] = entry.segment << 32 | entry.offset
        self._lengths[slot] = entry.length
        self._marks[slot] = _TAKEN | entry.kind << 2 | entry.hits

    def hit(self, fingerprint: int) -> None:
        """Count a hit of an item that is there; more than `MAX_HITS` are not told apart."""
        slot = self._slot(fingerprint)
        if self._marks[slot] & 3 < MAX_HITS:
            self._marks[slot] += 1

    def remove(self, fingerprint: int) -> None:
        """Forget it, if it is there, and close the gap in its run of slots."""
        gap = self._slot(fingerprint)
        if not self._marks[gap]:
            return
        self._count -= 1
        slot = gap
        while True:
            slot = (slot + 1) & self._mask
            if not self._marks[slot]:
                break
            home = self._fingerprints[slot] & self._mask
            # What was put behind the gap because the gap was taken moves into it.
            if (slot - home) & self._mask >= (slot - gap) & self._mask:
                self._fingerprints[gap] = self._fingerprints[slot]
                self._places[gap] = self._places[slot]
                self._lengths[gap] = self._lengths[slot]
                self._marks[gap] = self._marks[slot]
                gap = slot
        self._marks[gap] = 0

    def walk(self) -> Iterator[tuple[int, Entry]]:
        """Everything, in no order. Nothing may change meanwhile."""
        for slot, mark in enumerate(self._marks):
            if mark:
                yield self._fingerprints[slot], self._entry(slot)

    def of_segment(self, segment: int) -> list[tuple[int, Entry]]:
        """The items that begin in a segment."""
        slots = [slot for slot, place in enumerate(self._places) if place >> 32 == segment and self._marks[slot]]
        return [(self._fingerprints[slot], self._entry(slot)) for slot in slots]

    def discard(self, unwanted: Callable[[Entry], bool]) -> int:
        """Forget the entries that are unwanted; returns how many."""
        found = [fingerprint for fingerprint, entry in self.walk() if unwanted(entry)]
        for fingerprint in found:
            self.remove(fingerprint)
        return len(found)

    def _slot(self, fingerprint: int) -> int:
        """The slot that holds it, or the empty one where it would go."""
        slot = fingerprint & self._mask
        while self._marks[slot] and self._fingerprints[slot] != fingerprint:
            slot = (slot + 1) & self._mask
        return slot

    def _entry(self, slot: int) -> Entry:
        place, mark = self._places[slot], self._marks[slot]
        return Entry(place >> 32, place & 0xFFFF_FFFF, self._lengths[slot], mark >> 2 & 0x1F, mark & 3)

    def _grow(self) -> None:
        items = list(self.walk())
        self._count = 0
        self._allocate(2 * len(self._marks))
        for fingerprint, entry in items:
            self.set(fingerprint, entry)
