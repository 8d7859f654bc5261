"""Durable folders, and removal in one step."""

from __future__ import annotations

import os
import time
from pathlib import Path

from appliance.jobs import leftovers
from appliance.storage import atomic


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    leftovers.make_folder(tmp_path / "a" / "b")
    leftovers.make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_folder_goes_with_its_content(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "c").write_text("x")
    leftovers.remove(tmp_path / "a")
    leftovers.remove(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_spares_what_is_young_or_finished(tmp_path: Path) -> None:
    long_ago = time.time() - 7200
    for name, age_s in (("old", 7200), ("young", 0)):
        (tmp_path / f"{atomic.PREFIX}{name}").write_text("x")
        os.utime(tmp_path / f"{atomic.PREFIX}{name}", (time.time() - age_s,) * 2)
    folder = tmp_path / f"{atomic.PREFIX}folder"
    folder.mkdir()
    (folder / "young").write_text("x")
    os.utime(folder, (long_ago, long_ago))
    (tmp_path / "finished").write_text("x")
    os.utime(tmp_path / "finished", (long_ago, long_ago))
    leftovers.sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{atomic.PREFIX}folder",
        f"{atomic.PREFIX}young",
        "finished",
    ]


def test_a_sweep_of_a_folder_that_is_not_there(tmp_path: Path) -> None:
    leftovers.sweep(tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()
