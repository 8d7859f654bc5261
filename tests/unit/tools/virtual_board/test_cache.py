"""The cache of built parts: made once, complete or absent."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from tools.virtual_board import cache


@pytest.fixture(autouse=True)
def _cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def test_a_thing_is_made_once() -> None:
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "part").write_text("whole")

    place = cache.place("thing", ["source"])
    assert cache.made(place, make) == cache.made(place, make) == place
    assert len(made) == 1
    assert (place / "part").read_text() == "whole"


def test_what_fails_leaves_nothing_and_can_be_made_later() -> None:
    def fail(folder: Path) -> None:
        (folder / "part").write_text("half")
        raise OSError("no space")

    place = cache.place("thing", ["source"])
    with pytest.raises(OSError, match="no space"):
        cache.made(place, fail)
    assert not place.exists()
    cache.made(place, lambda folder: (folder / "other").touch())
    assert [path.name for path in place.iterdir()] == ["other"]


def test_two_who_want_the_same_make_it_once() -> None:
    made: list[Path] = []
    place = cache.place("thing", ["source"])
    threads = [Thread(target=cache.made, args=(place, made.append)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_another_ingredient_is_another_place() -> None:
    places = {cache.place("thing", parts) for parts in (["a", "b"], ["ab"], ["a", "c"], [b"a"])}
    assert len(places) == 4


def test_of_what_changes_often_only_the_newest_are_kept() -> None:
    for number in range(4):
        folder = cache.made(cache.place("thing", [str(number)]), lambda target: target.joinpath("part").touch())
        os.utime(folder, (number, number))
    other = cache.made(cache.place("other", [""]), lambda target: target.joinpath("part").touch())
    cache.keep_newest("thing", 2)
    assert {path.stat().st_mtime for path in cache.root().glob("thing-*")} == {2, 3}
    assert other.exists()
