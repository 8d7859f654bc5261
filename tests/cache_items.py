"""Items for a cache whose content follows from their number, so that any process can tell what is right."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from appliance.storage.cache import SegmentCache

KB = 1024
MB = 1024 * KB
MEMORY = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Where there is one: thousands of syncs wear a disk, and prove no more there."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as name:
        yield Path(name)


@lru_cache(maxsize=512)
def value(seed: int, length: int) -> bytes:
    return random.Random(seed).randbytes(length)  # noqa: S311


def fill(cache: SegmentCache, numbers: range, length: int = 10 * KB, kind: str = "other") -> None:
    """Put items until they are admitted, which takes two times once the cache is full."""
    for number in numbers:
        if not cache.put(f"item {number}", value(number, length), kind=kind):
            cache.put(f"item {number}", value(number, length), kind=kind)


def present(cache: SegmentCache, numbers: range, length: int = 10 * KB) -> set[int]:
    """Those that are there; what is there is what was put."""
    found = set()
    for number in numbers:
        data = cache.get(f"item {number}")
        if data is not None:
            assert data == value(number, length)
            found.add(number)
    return found


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.segment"))
