"""The weights: small, checked, refused when damaged."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.errors import ApplianceError, InputError, UnhealthyError
from appliance.pipeline import motion_engines, motion_weights
from appliance.pipeline.motion import load_motion_model

ENGINES = ("onnxruntime", "torch")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for suffix in (".safetensors", ".onnx"):
        shutil.copy(motion_weights.SHIPPED.with_suffix(suffix), tmp_path / f"mine{suffix}")
    # The graph names the file of its weights, so a copy keeps the name.
    for suffix in (".safetensors", ".onnx"):
        (tmp_path / f"mine{suffix}").rename(tmp_path / f"base{suffix}")
    return tmp_path / "base.safetensors"


def test_all_shipped_forms_together_are_at_most_a_megabyte() -> None:
    files = [path for path in motion_weights.SHIPPED.parent.iterdir() if path.stem == "base"]
    assert {path.suffix for path in files} == {".safetensors", ".onnx"}
    assert sum(path.stat().st_size for path in files) <= 1_000_000


@pytest.mark.parametrize("name", ["base.safetensors", "base.onnx", "base"])
def test_either_file_of_the_pair_names_the_model(copy: Path, name: str) -> None:
    assert motion_weights.read(copy.parent / name).path == copy


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:1000], lambda _data: b"", lambda data: data[:-100] + bytes(100), lambda _data: b"\xff" * 64],
    ids=["cut", "empty", "zeros at the end", "noise"],
)
def test_damaged_weights_are_refused(copy: Path, engine: str, damage: object) -> None:
    copy.write_bytes(damage(copy.read_bytes()))  # type: ignore[operator]
    with pytest.raises(InputError, match=r"base\.safetensors is damaged"):
        load_motion_model(copy, engine=engine)


def test_a_damaged_graph_is_refused(copy: Path) -> None:
    graph = copy.with_suffix(".onnx")
    graph.write_bytes(graph.read_bytes()[:500])
    with pytest.raises(InputError, match=r"base\.onnx"):
        load_motion_model(copy)


def test_a_graph_of_other_weights_is_refused(copy: Path) -> None:
    stored = copy.read_bytes()
    start = 8 + int.from_bytes(stored[:8], "little")
    body = stored[start:-2] + b"\0\0"
    was = motion_weights.digest(stored[start:]).encode()
    copy.write_bytes(stored[:start].replace(was, motion_weights.digest(body).encode()) + body)
    with pytest.raises(InputError, match="does not belong"):
        load_motion_model(copy)


def test_damage_to_the_shipped_weights_is_the_boxs_fault(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(motion_weights, "SHIPPED", copy)
    copy.write_bytes(b"")
    with pytest.raises(UnhealthyError, match="damaged"):
        motion_weights.read(None)


def test_a_missing_gpu_is_said(copy: Path) -> None:
    for engine in ENGINES:
        try:
            motion_engines.load(motion_weights.read(copy), engine, "cuda")
        except ApplianceError as error:
            assert error.hint  # noqa: PT017 - a machine that has a GPU raises nothing
