"""Hypothesis drives the cache beside a model: what was ever put under a key, and what was put last."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.storage.cache import SegmentCache
from tests.cache_items import KB, MEMORY, segments, value

KEYS = st.integers(0, 12).map(str)
SMALL = 96 * KB


class CacheMachine(RuleBasedStateMachine):
    """Opens, closes, kills and damages a cache; it may forget, never invent."""

    @initialize()
    def start(self) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.ever: dict[str, set[bytes]] = {}
        self.latest: dict[str, bytes] = {}
        self.cache = SegmentCache(self.folder, SMALL)

    @rule(key=KEYS, seed=st.integers(0, 3), length=st.sampled_from([0, 1, 500, 4000, 5000, 15_000, 23_000, 30_000]))
    def put(self, key: str, seed: int, length: int) -> None:
        data = value(seed, length)
        self.ever.setdefault(key, set()).add(data)
        self.latest.pop(key, None)
        if self.cache.put(key, data):
            self.latest[key] = data
            assert self.cache.get(key) == data
        else:
            assert self.cache.get(key) is None

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        data = self.cache.get(key)
        if data is not None:
            assert data == self.latest[key] if key in self.latest else data in self.ever[key]

    @rule()
    def reopen(self) -> None:
        there = {key: data for key in self.latest if (data := self.cache.get(key)) is not None}
        self.cache.close()
        self.cache = SegmentCache(self.folder, SMALL)
        for key, data in there.items():
            assert self.cache.get(key) in (data, None)

    @rule()
    def crash(self) -> None:
        self.cache._folder.unlock()
        self.cache = SegmentCache(self.folder, SMALL)
        self.latest.clear()

    @precondition(lambda self: bool(segments(self.folder)))
    @rule(which=st.integers(0, 99), place=st.integers(0, 2**20), change=st.integers(1, 255))
    def damage(self, which: int, place: int, change: int) -> None:
        files = segments(self.folder)
        path = files[which % len(files)]
        content = bytearray(path.read_bytes())
        content[place % len(content)] ^= change
        path.write_bytes(content)
        self.latest.clear()

    @invariant()
    def within_the_capacity(self) -> None:
        assert sum(path.stat().st_size for path in segments(self.folder)) <= SMALL

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.cache.close()
            shutil.rmtree(self.folder)


CacheMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestAgainstTheModel = CacheMachine.TestCase
