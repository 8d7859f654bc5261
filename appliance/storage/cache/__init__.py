"""A cache for a NAND flash: written in whole segments, seldom, and within a budget.

    folder       the files and the lock; everything that touches the disk
    segment      the bytes of a segment
    index        where each item is, in arrays
    ghosts       who asked for admission lately
    window       what was turned away lately, in memory
    admission    which values are worth the flash
    statistics   counters, and the file in which they outlive the process
    store        the stream of segments: appends, finds, evicts
    cache        `SegmentCache`
    box          the one of this box: its place, size and budget

The write budget is `appliance.storage.budget`.
"""

from __future__ import annotations

from appliance.storage.cache.cache import SegmentCache
from appliance.storage.cache.statistics import KINDS, read_statistics

__all__ = ["KINDS", "SegmentCache", "read_statistics"]
