from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.storage.cache.ghosts import ROW, Ghosts
from appliance.storage.cache.index import MAX_HITS, Entry, Index

# Few home slots, so that runs of slots are long and wrap around the end of the table.
FINGERPRINTS = st.integers(0, 40).map(lambda n: (n % 5 + 61) + 64 * n + (n << 40))


@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["set", "remove", "hit"]), FINGERPRINTS, st.integers(0, 2**32 - 1))))
def test_the_index_is_a_dict(steps: list[tuple[str, int, int]]) -> None:
    index = Index()
    model: dict[int, Entry] = {}
    for step, fingerprint, number in steps:
        if step == "set":
            model[fingerprint] = Entry(number, number // 3, number // 2, number % 32)
            index.set(fingerprint, model[fingerprint])
        elif step == "remove":
            model.pop(fingerprint, None)
            index.remove(fingerprint)
        elif fingerprint in model:
            model[fingerprint] = model[fingerprint]._replace(hits=min(model[fingerprint].hits + 1, MAX_HITS))
            index.hit(fingerprint)
        assert index.get(fingerprint) == model.get(fingerprint)
    assert dict(index.walk()) == model
    assert len(index) == len(model)


def test_it_grows_and_takes_less_than_100_bytes_an_item() -> None:
    index = Index()
    source = random.Random(1)  # noqa: S311
    fingerprints = [source.getrandbits(64) for _ in range(20_000)]
    worst = 0.0
    for number, fingerprint in enumerate(fingerprints):
        index.set(fingerprint, Entry(number // 7, number, 1, 0))
        if number > 100:
            worst = max(worst, index.memory / len(index))
    assert worst < 70
    assert all(index.get(one) == Entry(number // 7, number, 1, 0) for number, one in enumerate(fingerprints))
    assert {fingerprint for fingerprint, _entry in index.of_segment(5)} == set(fingerprints[35:42])
    assert index.discard(lambda entry: entry.segment != 5) == len(fingerprints) - 7
    assert len(index) == 7


def test_a_full_turn_of_the_table_is_emptied_again() -> None:
    index = Index()
    for fingerprint in range(40):
        index.set(63 + 64 * fingerprint, Entry(1, fingerprint, 1, 0))
    for fingerprint in range(39):
        index.remove(63 + 64 * fingerprint)
        assert index.get(63 + 64 * 39) == Entry(1, 39, 1, 0)


def test_ghosts_remember_the_latest_and_forget_the_oldest() -> None:
    ghosts = Ghosts(ROW)
    for fingerprint in range(1, ROW + 2):
        ghosts.add(fingerprint)
    assert [ghosts.take(fingerprint) for fingerprint in range(1, ROW + 2)] == [False] + [True] * ROW
    assert not ghosts.take(ROW)


def test_a_ghost_that_comes_again_is_young_again() -> None:
    ghosts = Ghosts(ROW)
    for fingerprint in [*range(1, ROW + 1), 1, 100]:
        ghosts.add(fingerprint)
    assert ghosts.take(1)
    assert not ghosts.take(2)


def test_most_of_the_ghosts_within_the_capacity_are_remembered() -> None:
    ghosts = Ghosts(800)
    source = random.Random(1)  # noqa: S311
    fingerprints = [source.getrandbits(64) for _ in range(2000)]
    for fingerprint in fingerprints:
        ghosts.add(fingerprint)
    assert sum(ghosts.take(one) for one in fingerprints[-400:]) > 380
    assert sum(ghosts.take(one) for one in fingerprints[:400]) < 20


def test_ghosts_survive_being_stored_and_resized() -> None:
    ghosts = Ghosts(100)
    for fingerprint in range(1, 60):
        ghosts.add(fingerprint * 7919)
    again = Ghosts.load(ghosts.dump())
    assert again.capacity == ghosts.capacity
    larger = again.resized(1000)
    assert all(larger.take(fingerprint * 7919) for fingerprint in range(1, 60))
    smaller = ghosts.resized(24)
    assert smaller.capacity == 24
    assert sum(smaller.take(fingerprint * 7919) for fingerprint in range(1, 60)) == 24
    assert Ghosts.load(b"torn").capacity == ROW
