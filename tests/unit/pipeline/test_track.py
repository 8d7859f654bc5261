"""The motion track and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline.track import CURVES, MotionTrack


def some_track(frames: int = 7) -> MotionTrack:
    curves = {name: np.linspace(0, 1, frames, dtype=np.float32) for name in CURVES}
    return MotionTrack(25.0, viseme=np.arange(frames, dtype=np.int32), **curves)


def test_a_saved_track_comes_back(tmp_path: Path) -> None:
    some_track().save(tmp_path / "track.npz")
    loaded = MotionTrack.load(tmp_path / "track.npz")
    assert loaded.fps == 25.0
    for name in (*CURVES, "viseme"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(some_track(), name))


def test_parts_join_to_the_whole() -> None:
    joined = MotionTrack.joined([some_track()[:3], some_track()[3:3], some_track()[3:]])
    np.testing.assert_array_equal(joined.opening, some_track().opening)
    assert len(joined) == 7


def test_saving_leaves_nothing_where_it_fails(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="missing"):
        some_track().save(tmp_path / "missing" / "track.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a track", b"PK\x03\x04 broken"])
def test_what_is_not_a_track_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "track.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"track\.npz is not a motion track"):
        MotionTrack.load(path)


def test_curves_of_different_length_are_refused(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {name: np.zeros(4, np.float32) for name in CURVES}
    arrays |= {"vad": np.zeros(3, np.float32), "fps": 25.0, "viseme": np.zeros(4, np.int32)}
    np.savez(tmp_path / "track.npz", **arrays)
    with pytest.raises(InputError, match="differ in length"):
        MotionTrack.load(tmp_path / "track.npz")


def test_pickles_are_not_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "track.npz", fps=25.0, opening=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="not a motion track"):
        MotionTrack.load(tmp_path / "track.npz")
