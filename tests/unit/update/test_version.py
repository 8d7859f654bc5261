"""Which version is older."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from appliance import __version__
from appliance.update.version import is_older, running


def test_the_order_of_the_specification() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
    ordered += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0"]
    for earlier, later in itertools.pairwise(ordered):
        assert is_older(earlier, later)
        assert not is_older(later, earlier)


@pytest.mark.parametrize(("one", "other"), [("1.2", "1.2.0"), ("v1.2.3", "1.2.3"), ("1.2.3+build7", "1.2.3")])
def test_versions_that_are_the_same(one: str, other: str) -> None:
    assert not is_older(one, other)
    assert not is_older(other, one)


@pytest.mark.parametrize("nonsense", ["", "main", "1.2.x", "latest", "2.0.0.0"])
def test_what_is_no_version_is_older_than_any(nonsense: str) -> None:
    assert is_older(nonsense, "0.0.1")
    assert not is_older("0.0.1", nonsense)


@pytest.mark.parametrize("line", ["IMAGE_VERSION=2.3.4", 'IMAGE_VERSION="2.3.4"', "IMAGE_VERSION='2.3.4'"])
def test_the_image_says_what_runs(tmp_path: Path, line: str) -> None:
    assert running(tmp_path) == __version__
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text("ID=mouthpiece\nVERSION_ID=5\n")
    assert running(tmp_path) == __version__
    (tmp_path / "etc/os-release").write_text(f"ID=mouthpiece\n{line}\nVERSION_ID=5\n")
    assert running(tmp_path) == "2.3.4"
