"""Hypothesis drives the cache beside a model: what was ever put under a key, and what was put last.

Whatever happens to the disk, nothing raises, no value is wrong, and what was written is kept: after a crash or a power
cut everything is there that a reader found on the disk before, but for what lay in segments that were removed.
"""

from __future__ import annotations

import errno
import random
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.storage.budget import WriteBudget
from appliance.storage.cache import KINDS, SegmentCache
from appliance.storage.cache.cache import RETRY_S
from appliance.storage.cache.folder import LOCK, Folder
from tests.cache_folders import Disk, PowerCutError
from tests.cache_items import KB, MEMORY, segments, value
from tests.clock import Clock

KEYS = st.integers(0, 12).map(str)
LENGTHS = (0, 1, 500, 4000, 5000, 15_000, 23_000, 30_000)
SMALL = 96 * KB
DAILY = 24 * 64 * KB
"""A bucket of 64 KB: it binds when much is put, and fills up by and by."""


class Reading(Folder):
    """For one that only looks."""

    def lock(self) -> bool:
        return False


class CacheMachine(RuleBasedStateMachine):
    """Opens, closes, kills, damages and cuts off a cache; it may forget, never invent."""

    @initialize(seed=st.integers(0, 99), limited=st.booleans())
    def start(self, seed: int, limited: bool) -> None:
        self.place = Path(tempfile.mkdtemp(dir=MEMORY))
        self.folder = self.place / "cache"
        (self.place / "graveyard").mkdir()
        self.chance = random.Random(seed)  # noqa: S311
        self.disk = Disk(self.place / "graveyard", self.chance)
        self.clock = Clock()
        self.limited = limited
        self.ever: dict[str, set[bytes]] = {}
        self.latest: dict[str, bytes] = {}
        """What a key has if it has anything; any value ever put where nothing is known."""
        self.admitted: set[str] = set()
        """What was admitted when it was put last: below one that was not may lie an older value."""
        self.last: dict[str, bytes] = {}
        """What was put last: what came before it need not be kept."""
        self.too_much = False
        """A power cut brought removed files back."""
        self.open()

    def open(self) -> None:
        self.cache = SegmentCache(
            self.folder,
            SMALL,
            WriteBudget(DAILY, clock=self.clock) if self.limited else None,
            clock=self.clock,
            chance=self.chance.random,
            folder=self.disk.folder,
        )

    def on_disk(self) -> tuple[dict[str, int], dict[str, bytes]]:
        """The segments' files with their sizes, and what another process finds in them, to which it can add nothing."""
        self.disk.removed.clear()
        files = {path.name: path.stat().st_size for path in segments(self.folder)}
        with SegmentCache(self.folder, SMALL, folder=Reading) as reader:
            found = {key: data for key in self.ever if (data := reader.get(key)) is not None}
            assert not reader.put("new", b"")
        assert all(data in self.ever[key] for key, data in found.items())
        return files, found

    def again(self, files: dict[str, int], found: dict[str, bytes]) -> None:
        """Start again. What was on the disk is there, but for what was in the files that the cache removed meanwhile,
        and one record that ran into such a file."""
        gone = sum(files.get(name, 0) for name in self.disk.removed if not (self.folder / name).exists())
        if self.powered(self.open):
            lost = [len(data) for key, data in found.items() if data == self.last[key] and self.cache.get(key) is None]
            assert sum(lost) - max(lost, default=0) <= gone
            assert gone or not lost

    def powered(self, work: Callable[[], object]) -> bool:
        """Do it, and answer whether it was done; if the power goes meanwhile, start again and look what is left."""
        before = self.on_disk() if self.disk.cut_at > self.disk.changes else None
        try:
            work()
        except PowerCutError:
            assert before
            self.forget()
            self.too_much = True
            self.again(*before)
            return False
        return True

    @rule(key=KEYS, seed=st.integers(0, 3), length=st.sampled_from(LENGTHS), kind=st.sampled_from(list(KINDS)))
    def put(self, key: str, seed: int, length: int, kind: str) -> None:
        data = value(seed, length)
        self.ever.setdefault(key, set()).add(data)
        if self.cache.stats()["problem"]:
            self.forget()  # it may look again
        self.latest[key] = self.last[key] = data
        admitted: list[bool] = []
        if self.powered(lambda: admitted.append(self.cache.put(key, data, kind=kind))):
            assert self.cache.get(key) in ((data,) if admitted[0] else (data, None))
            (self.admitted.add if admitted[0] else self.admitted.discard)(key)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        data = self.cache.get(key)
        if data is not None:
            assert data in self.ever[key]
            assert data == self.latest.get(key, data)

    @rule(seed=st.integers(0, 2**16))
    def work(self, seed: int) -> None:
        """As much as fills the cache, some of it asked for again and again."""
        source = random.Random(seed)  # noqa: S311
        for _time in range(30):
            key = str(min(source.randrange(13), source.randrange(13)))
            self.get(key)
            if self.cache.get(key) is None or source.random() < 0.1:
                self.put(key, int(key) % 4, LENGTHS[int(key) % len(LENGTHS)], "other")

    @rule(seconds=st.sampled_from([1, 60, 3600]))
    def wait(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def reopen(self) -> None:
        before = self.on_disk()
        self.latest = {key: data for key, data in self.latest.items() if key in self.admitted}
        if self.disk.error or self.cache.stats()["problem"]:
            self.forget()
        if self.powered(self.cache.close):
            self.again(*before)

    @rule()
    def crash(self) -> None:
        before = self.on_disk()
        self.forget()
        self.cache._folder.unlock()
        self.again(*before)

    @rule(changes=st.integers(1, 12))
    def cut_soon(self, changes: int) -> None:
        self.disk.cut_at = self.disk.changes + changes

    @rule(error=st.sampled_from([errno.ENOSPC, errno.EIO, errno.EROFS]))
    def fail(self, error: int) -> None:
        self.disk.error = error

    @precondition(lambda self: self.disk.error)
    @rule()
    def mend(self) -> None:
        self.disk.error = 0
        self.clock.now += RETRY_S

    @rule(which=st.integers(0, 99), place=st.integers(0, 2**20), change=st.integers(0, 255))
    def damage(self, which: int, place: int, change: int) -> None:
        """Change a byte of any file, or cut it off there."""
        files = sorted(path for path in self.folder.iterdir() if path.name != LOCK and path.stat().st_size)
        if files:
            path = files[which % len(files)]
            content = bytearray(path.read_bytes())
            if change:
                content[place % len(content)] ^= change
            else:
                del content[place % len(content) :]
            path.write_bytes(content)
            self.forget()

    def forget(self) -> None:
        """What was only in memory may be lost now, and what it replaced be back."""
        self.latest.clear()

    @rule()
    def look(self) -> None:
        self.on_disk()

    @invariant()
    def within_the_capacity(self) -> None:
        stored = sum(path.stat().st_size for path in segments(self.folder))
        self.too_much = self.too_much and stored > SMALL
        assert stored <= SMALL or self.too_much

    @invariant()
    def within_the_memory(self) -> None:
        assert self.cache.stats()["window_bytes"] <= SMALL // 8

    def teardown(self) -> None:
        if hasattr(self, "cache"):
            self.disk.cut_at = self.disk.error = 0
            self.cache.close()
            shutil.rmtree(self.place)


CacheMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)
TestAgainstTheModel = CacheMachine.TestCase
