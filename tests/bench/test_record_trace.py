"""The day of a kiosk: the recorded one can be read, and the plan for one is the same each time."""

from __future__ import annotations

import random
from pathlib import Path

from tests.bench import record_trace, traces


def test_the_recorded_day_is_what_rendering_asks_for() -> None:
    requests = list(traces.recorded(Path(record_trace.__file__).with_name("kiosk_day.jsonl.gz")))
    lengths: dict[str, set[int]] = {}
    for request in requests:
        lengths.setdefault(request.key, set()).add(request.length)
    assert len(requests) > 2 * record_trace.VISITORS
    assert {request.kind for request in requests} == {"motion", "fragment", "landmarks", "frame"}
    assert all(len(known) == 1 for known in lengths.values()), "a key is of one value"
    assert len(lengths) < 0.8 * len(requests), "something is asked for again"


def test_a_day_is_drawn_by_its_seed() -> None:
    first, again, other = (list(record_trace.day(random.Random(seed), 20)) for seed in (1, 1, 2))  # noqa: S311
    assert first == again != other
    assert len(first) > 20


def test_what_is_asked_for_does_not_depend_on_what_was_found() -> None:
    recorder = record_trace.Recorder()
    assert recorder.get("k" * 64, kind="motion") is None
    assert recorder.put("k" * 64, b"track", kind="motion")
    assert recorder.get("k" * 64, kind="motion") == b"track"
    assert recorder.requests == 2 * [("k" * 16, "motion", 5)]
