"""Which clone stands in for which repository."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from appliance.errors import InputError
from tools.yocto import kas

IDENTITY = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *IDENTITY, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def clone_with_a_commit(folder: Path, *options: str) -> str:
    work = folder if not options else folder.with_name(f"{folder.name}-work")
    work.mkdir(parents=True)
    git(work, "init", "--quiet")
    git(work, "commit", "--quiet", "--allow-empty", "--message", folder.name)
    if options:
        git(work, "clone", "--quiet", *options, str(work), str(folder))
    return git(work, "rev-parse", "HEAD")


def test_the_clone_that_has_the_commit_is_taken_whatever_its_name(tmp_path: Path) -> None:
    clones = tmp_path / "clones"
    one = clone_with_a_commit(clones / "of-any-name")
    elsewhere = tmp_path / "elsewhere/two"
    two = clone_with_a_commit(elsewhere, "--bare")
    (clones / "deeper").mkdir()
    elsewhere.rename(clones / "deeper/two.git")
    found = kas.sources({"one": one, "two": two}, clones)
    assert found == {"one": clones / "of-any-name", "two": clones / "deeper/two.git"}


def test_a_commit_that_no_clone_has_is_named(tmp_path: Path) -> None:
    clone_with_a_commit(tmp_path / "one")
    with pytest.raises(InputError, match=r"no clone in .* has other at 0{40}"):
        kas.sources({"other": "0" * 40}, tmp_path)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere is no folder"):
        kas.sources({"one": "0" * 40}, tmp_path / "nowhere")


def test_an_unknown_machine_is_told_which_there_are() -> None:
    with pytest.raises(InputError) as caught:
        kas.board("rock-6")
    assert "rock-5b" in caught.value.hint
