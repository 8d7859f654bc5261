"""What is asked of a cache, in order: synthetic, or recorded.

A recorded trace is a gzip file of JSON lines, one request a line: {"key": HEX, "kind": KIND, "bytes": N}.
"""

from __future__ import annotations

import bisect
import gzip
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Request(NamedTuple):
    key: str
    kind: str
    length: int


def length_of(number: int) -> int:
    """20-600 KB, evenly, and the same for the same object."""
    return 20_000 + (number * 2_654_435_761 % 2**32 * 580_000 >> 32)


def drifting(
    requests: int, *, alive: int = 1000, skew: float = 1.0, drift: float = 0.02, seed: int = 1
) -> Iterator[Request]:
    """Objects of 20-600 KB whose popularity is Zipf's with exponent `skew` over `alive` of them.

    With every request there is a chance of `drift` that a new object takes the place of another, at any rank.
    """
    source = random.Random(seed)  # noqa: S311
    ranks = list(itertools.accumulate((rank + 1) ** -skew for rank in range(alive)))
    objects = list(range(alive))
    newest = alive
    for _request in range(requests):
        if source.random() < drift:
            objects[source.randrange(alive)] = newest
            newest += 1
        chosen = objects[bisect.bisect(ranks, source.random() * ranks[-1])]
        yield Request(str(chosen), "other", length_of(chosen))


def recorded(path: Path) -> Iterator[Request]:
    with gzip.open(path, "rt") as lines:
        for line in lines:
            request = json.loads(line)
            yield Request(request["key"], request["kind"], request["bytes"])


def content(request: Request, noise: bytes) -> bytes:
    """Bytes that belong to the request's key alone; `noise` is as long as the longest of them."""
    return (request.key.encode() + b":" + noise)[: request.length]
