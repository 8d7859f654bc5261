"""The stores on a box's NAND as a power cut finds them: each works step by step and knows what must be there.

Step n of a store always does the same. `step` returns true when it is acknowledged, false when the flash did not take
it; then it is done again after the restart. `check` is told the last step that was acknowledged, and asserts that
nothing of it or before it is lost, and that nothing is there that was never done.
"""

from __future__ import annotations

import contextlib
import random
import sqlite3
from functools import cache
from typing import Any, Final, Protocol

from appliance.errors import UnhealthyError
from appliance.jobs.job import State
from appliance.jobs.store import JobStore
from appliance.storage.cache import SegmentCache
from appliance.storage.config import ConfigStore
from appliance.storage.logs import LogWriter, read
from appliance.volumes import Volumes
from tests.bench.simulated_nand import LEB_BYTES


class Store(Protocol):
    """What is written to and what is cut."""

    def step(self, number: int, /) -> bool: ...

    def check(self, acknowledged: int, /) -> None: ...

    def close(self) -> None: ...


class Logs:
    """Step n logs record n and flushes. Records up to `checked` were looked at by an earlier check."""

    SURELY_KEPT: Final = 1000
    """Records take about 1.4 KB each; the oldest of them go where they take more than half of the volume, 2.3 MiB."""

    def __init__(self, box: Volumes, checked: int) -> None:
        self._folder, self._checked = box.logs, checked
        self._writer = LogWriter(self._folder)

    def step(self, number: int) -> bool:
        self._writer.append("INFO", "test", f"record {number}", fields={"more": _noise(number, 600).hex()})
        return self._writer.flush()

    def check(self, acknowledged: int) -> None:
        numbers = []
        for record in read(self._folder, part="test", newest_first=True):
            number = int(record.message.removeprefix("record "))
            assert record.fields == {"more": _noise(number, 600).hex()}, f"record {number} is another one"
            if number <= self._checked:
                break
            numbers.append(number)
        assert numbers == sorted(numbers, reverse=True), "records are out of order"
        # One that was not acknowledged may be there, and is there again when it was done again.
        wanted = set(range(self._checked + 1, acknowledged + 1))
        assert wanted <= set(numbers) <= wanted | {acknowledged + 1}, (acknowledged, numbers)

    @property
    def problem(self) -> str:
        return self._writer.problem

    def close(self) -> None:
        self._writer.close()


class Jobs:
    """An even step submits a job, an odd one claims and finishes it."""

    def __init__(self, box: Volumes, boot: str) -> None:
        self._path, self._worker = box.jobs, f"worker {boot}"
        self._store = JobStore(box.jobs, boot=boot)
        self._store.reclaim(self._worker)

    def step(self, number: int) -> bool:
        key = f"job {number // 2}"
        try:
            if number % 2 == 0:
                self._store.submit("inspect", {"upload": "a" * 20}, key=key)
                return True
            job = self._store.by_key(key)
            assert job is not None, f"{key} was acknowledged"
            if job.state == State.QUEUED:
                assert [one.id for one in self._store.claim(self._worker, 60, lane="light")] == [job.id]
            self._store.finish(job.id, {"of": key})
            return True
        except UnhealthyError:
            return False

    def check(self, acknowledged: int) -> None:
        with contextlib.closing(sqlite3.connect(self._path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = self._store.counts()
        submitted, finished = (acknowledged + 2) // 2, (acknowledged + 1) // 2
        assert sum(counts.values()) in (submitted, submitted + acknowledged % 2), (acknowledged, counts)
        assert counts["done"] in (finished, finished + (acknowledged + 1) % 2), (acknowledged, counts)
        for number in range(max(submitted - 5, 0), submitted):
            job = self._store.by_key(f"job {number}")
            assert job is not None, f"job {number} is lost"
            assert number >= finished or (job.state, job.result) == (State.DONE, {"of": f"job {number}"}), job
        assert not list(self._path.parent.glob("*.damaged-*")), "the database was damaged"

    def close(self) -> None:
        self._store.close()


class Config:
    """Step n stores version n."""

    def __init__(self, box: Volumes) -> None:
        self._store = ConfigStore(box)

    def step(self, number: int) -> bool:
        try:
            self._store.update(lambda values: values.update(version(number)))
        except UnhealthyError:
            return False
        return True

    def check(self, acknowledged: int) -> None:
        found = self._store.load()
        assert not found.lost, "neither the old configuration nor the new is there"
        assert found.values in (version(acknowledged), version(acknowledged + 1)), (acknowledged, found.values)

    def close(self) -> None:
        """Nothing is open."""


class Cache:
    """Puts and gets; nothing is promised but that what is there is right."""

    CAPACITY: Final = 3 << 20
    ITEMS: Final = 80

    def __init__(self, box: Volumes) -> None:
        self._cache = SegmentCache(box.cache / "segments", self.CAPACITY, leb_bytes=LEB_BYTES)

    def step(self, number: int) -> bool:
        source = random.Random(number)  # noqa: S311
        item = source.randrange(self.ITEMS)
        if self._cache.get(str(item)) is None or source.random() < 0.2:
            self._cache.put(str(item), _item(item, source.randrange(2)))
        return not self._cache.stats()["problem"]

    def check(self, _acknowledged: int) -> None:
        self.found()

    def found(self) -> int:
        """How many items are there; every one is what was once put."""
        found = 0
        for item in range(self.ITEMS):
            data = self._cache.get(str(item))
            if data is not None:
                assert data in (_item(item, 0), _item(item, 1)), f"a wrong value of item {item}"
                found += 1
        return found

    def close(self) -> None:
        self._cache.close()


@cache
def _item(item: int, version: int) -> bytes:
    return _noise(item * 2 + version, 2_000 + item * 500)


def version(number: int) -> dict[str, Any]:
    """The configuration after that step; nothing before the first."""
    return {"number": number, "more": _noise(number, 200 + number % 7 * 300).hex()} if number >= 0 else {}


def _noise(seed: int, length: int) -> bytes:
    return random.Random(seed).randbytes(length)  # noqa: S311
