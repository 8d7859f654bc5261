"""What one job keeps for the next: the box's cache, as the pipeline uses it.

    kind        what                                   its key names
    motion      the motion track of a recording        the sound, the network, what shifts and cuts it, the rate
    fragment    a whole fragment's file                the plan (`appliance.pipeline.resume`), its number and length
    landmarks   where a face is in an avatar's file    the file, the face asked for, the networks
    frame       a framed portrait's rig                the pack, the framing

A key is the digest of all that determines the value, this package's code and libraries included, so that a value found
is the one that would be made; the cache itself never gives anything but what was put. A value is the processor time
that making it took, 8 bytes, and then the bytes themselves.

`Items` is what a cache must offer; neither of its methods raises. Without one everything is a miss.
"""

from __future__ import annotations

import functools
import hashlib
import json
import struct
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from appliance import __version__

_COST: Final = struct.Struct("<d")


class Items(Protocol):
    """Values by key; `appliance.storage.cache.SegmentCache` is one."""

    def get(self, key: str, *, kind: str) -> bytes | None: ...

    def put(self, key: str, data: bytes, *, kind: str) -> bool:
        """Offer a value; whether the cache took it."""


@dataclass(slots=True)
class Used:
    """What a job had of the cache. Bytes are those of the values; `saved_s` is the processor time that making what was
    found had taken."""

    hits: int = 0
    misses: int = 0
    read_bytes: int = 0
    admitted: int = 0
    admitted_bytes: int = 0
    saved_s: float = 0.0


class JobCache:
    """The cache during one job, counting. Thread-safe as far as the cache is."""

    def __init__(self, items: Items | None = None) -> None:
        self._items = items
        self._lock = threading.Lock()
        self._used: dict[str, Used] = {}

    def get(self, kind: str, key: str) -> bytes | None:
        if self._items is None:
            return None
        found = self._items.get(key, kind=kind)
        with self._lock:
            used = self._used.setdefault(kind, Used())
            if found is None or len(found) < _COST.size:
                used.misses += 1
                return None
            used.hits += 1
            used.read_bytes += len(found) - _COST.size
            used.saved_s += _COST.unpack_from(found)[0]
        return found[_COST.size :]

    def put(self, kind: str, key: str, data: bytes, cost_s: float) -> None:
        """Offer what was made in so much processor time."""
        if self._items is not None and self._items.put(key, _COST.pack(cost_s) + data, kind=kind):
            with self._lock:
                used = self._used.setdefault(kind, Used())
                used.admitted += 1
                used.admitted_bytes += len(data)

    @property
    def on(self) -> bool:
        """Whether there is a cache at all: else a key need not be worked out."""
        return self._items is not None

    def used(self) -> dict[str, Any]:
        """What `Used` counts, in all and by kind; empty without a cache."""
        if self._items is None:
            return {}
        with self._lock:
            kinds = {kind: asdict(used) for kind, used in sorted(self._used.items())}
        total = {name: sum(kind[name] for kind in kinds.values()) for name in asdict(Used())}
        return total | {"kinds": kinds}


def key(kind: str, **inputs: Any) -> str:
    """The key of what is made of these inputs, which JSON can hold."""
    return hashlib.sha256(json.dumps([kind, _makers(), inputs], sort_keys=True).encode()).hexdigest()


@functools.cache
def _makers() -> dict[str, str]:
    """What makes the values: this package, by its sources, and the libraries that compute."""
    import av
    import cv2
    import numpy as np

    code = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        code.update(path.name.encode() + path.read_bytes())
    libraries = {"av": av.__version__, "cv2": cv2.__version__, "numpy": np.__version__}
    return {"version": __version__, "code": code.hexdigest(), **libraries}
