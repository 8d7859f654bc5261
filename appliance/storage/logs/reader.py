"""Reading the log from any process, while the writer writes.

What cannot be read, a torn block or a segment that was deleted meanwhile, is left out; nothing is locked. A block that
the writer had to write twice (the first attempt's fate was unknown) is read once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from appliance.storage.logs import segments
from appliance.storage.logs.record import Query, Record


def read(
    folder: Path,
    *,
    since: float | None = None,
    until: float | None = None,
    after: int | None = None,
    level: str | None = None,
    part: str | None = None,
    limit: int | None = None,
    newest_first: bool = False,
) -> Iterator[Record]:
    """The stored records that match (see `Query`), at most `limit`, in order of their ids."""
    query = Query(since, until, after, level, part)
    return itertools.islice(select(folder, query, newest_first=newest_first), limit)


def select(folder: Path, query: Query, *, newest_first: bool) -> Iterator[Record]:
    """The stored records that match, in order of their ids."""
    step = -1 if newest_first else 1
    last_seen: int | None = None
    for path in _segments(folder, query)[::step]:
        for block in segments.blocks(path)[::step]:
            if not query.may_match(block.earliest, block.latest, block.last_id, block.severity):
                continue
            for record in block.records()[::step]:
                if last_seen is not None and (record.id - last_seen) * step <= 0:
                    continue
                last_seen = record.id
                if query.matches(record):
                    yield record


def _segments(folder: Path, query: Query) -> list[Path]:
    """Those that can hold ids above `query.after`; a segment ends where the next one begins."""
    paths = segments.listing(folder)
    if query.after is None:
        return paths
    newer = sum(segments.first_id(path) > query.after for path in paths)
    return paths[max(len(paths) - newer - 1, 0) :]


@dataclass(frozen=True, slots=True)
class Survey:
    """What the log takes, and how many blocks among those stored are damaged or gone."""

    segments: int
    bytes: int
    blocks: int
    missing: int


def survey(folder: Path) -> Survey:
    """Read the whole log and count."""
    paths = segments.listing(folder)
    sequences = {block.sequence for path in paths for block in segments.blocks(path)}
    missing = max(sequences) - min(sequences) + 1 - len(sequences) if sequences else 0
    taken = sum(path.stat().st_size for path in paths)
    return Survey(len(paths), taken, len(sequences), missing)
