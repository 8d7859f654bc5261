"""Which models can be loaded, and which places a video can be put."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.pipeline.model import check_writable, load


@pytest.mark.parametrize("name", ["nonesuch", "", "/"])
def test_an_unknown_model_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(InputError, match=f"there is no model {name}") as caught:
        load(name)
    assert "base" in caught.value.hint
    assert "onnxruntime" in caught.value.hint


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    path.write_text("no network")
    with pytest.raises(InputError, match="mine"):
        load(str(path))


def test_an_engine_by_name_runs_where_it_can() -> None:
    assert load("onnxruntime").motion.engine == "onnxruntime"


def test_places_that_a_video_can_be_put(tmp_path: Path) -> None:
    old, link = tmp_path / "old.mp4", tmp_path / "link.mp4"
    old.touch()
    link.symlink_to(old)
    for target in (tmp_path / "new.mp4", old, link):
        check_writable(target)
    assert sorted(tmp_path.iterdir()) == [link, old]


def test_places_that_no_video_can_be_put(tmp_path: Path) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(pipe)
    file.touch()
    for target, words in (
        (tmp_path, "it is a folder"),
        (tmp_path / "missing" / "o.mp4", "there is no folder"),
        (file / "o.mp4", "there is no folder"),
        (pipe, "a device or a pipe"),
        (Path("/dev/null"), "a device or a pipe"),
    ):
        with pytest.raises(InputError, match=words) as caught:
            check_writable(target)
        assert str(target) in caught.value.message
        assert caught.value.hint
