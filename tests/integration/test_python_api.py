"""The Python interface, with real files and the real network."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

import appliance
from appliance.errors import InputError
from appliance.pipeline.model import Model
from appliance.storage import atomic
from tests.integration.box import Box, leftovers


@pytest.fixture(autouse=True)
def own_box(box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing outside `tmp_path` is touched; returns the folder of temporary files."""
    monkeypatch.setenv("MOUTHPIECE_ROOT", str(box.root))
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def model() -> Model:
    return appliance.load_model("base")


def test_load_generate_save(model: Model, portrait: Path, speech: Path, tmp_path: Path, own_box: Path) -> None:
    out = tmp_path / "o.mp4"
    with model.generate(avatar=portrait, audio=str(speech), min_resolution=128, duration=0.4) as video:
        assert video.report.frames == 10
        video.save(out)
        assert b"ftyp" in out.read_bytes()[:12]
        assert out.stat().st_mode & 0o777 == 0o666 & ~umask()
        assert len(leftovers(own_box)) == 1
    assert list(own_box.iterdir()) == []
    assert out.stat().st_nlink == 1
    assert leftovers(tmp_path) == []


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_video_may_be_saved_more_than_once(model: Model, portrait: Path, speech: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.mp4", tmp_path / "second.mp4"
    second.write_bytes(b"an older video")
    with model.generate(portrait, speech, min_resolution=128, duration=0.2) as video:
        for target in (first, first, second, first):
            video.save(target)
        with pytest.raises(InputError, match="there is no folder"):
            video.save(tmp_path / "missing" / "o.mp4")
    assert first.read_bytes() == second.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.mp4", "second.mp4", "temporary"]


def test_saving_on_another_file_system(model: Model, portrait: Path, speech: Path, own_box: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == own_box.stat().st_dev:
        pytest.skip("there is only one file system here")
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        model.generate(portrait, speech, min_resolution=128, duration=0.2) as video,
    ):
        video.save(Path(folder) / "o.mp4")
        assert [path.name for path in Path(folder).iterdir()] == ["o.mp4"]
        assert (Path(folder) / "o.mp4").read_bytes() == video.path.read_bytes()


def test_closing_removes_the_folder_and_failing_does_too(
    model: Model, portrait: Path, speech: Path, tmp_path: Path, own_box: Path
) -> None:
    video = model.generate(portrait, speech, min_resolution=128, duration=0.2)
    assert video.path.parent.name.startswith(atomic.PREFIX), "a sweep knows the name"
    video.close()
    assert not video.path.exists()
    with pytest.raises(InputError, match="there is no file"):
        model.generate(portrait, tmp_path / "missing.wav")
    assert list(own_box.iterdir()) == []


def test_unknown_models_options_and_avatars_are_explained(model: Model, speech: Path) -> None:
    with pytest.raises(InputError, match="there is no model nonesuch") as caught:
        appliance.load_model("nonesuch")
    assert "base" in caught.value.hint
    with pytest.raises(InputError, match="there is no option volume") as caught:
        model.generate("demo", speech, volume=3)
    assert "dynamic_scale" in caught.value.hint
    with pytest.raises(InputError, match=r"seed is 1\.5"):
        model.generate("demo", speech, seed=1.5)
    with pytest.raises(InputError, match="nor an avatar nobody"):
        model.generate("nobody", speech)


def test_engines_and_weights_by_path_make_the_same_video(
    model: Model, portrait: Path, speech: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    weights = Path(appliance.__file__).parent / "pipeline" / "models" / "base.safetensors"
    made = []
    for loaded in (model, appliance.load_model("torch"), appliance.load_model(str(weights))):
        with loaded.generate(portrait, speech, min_resolution=128) as video:
            video.save(tmp_path / "o.mp4")
            made.append((video.report.engine, video.report.frames, (tmp_path / "o.mp4").read_bytes()))
    assert [engine for engine, _, _ in made] == ["onnxruntime", "torch", "onnxruntime"]
    assert made[0] == made[2]
    # The tracks agree to a thousandth, so the pictures do but for a few bits of their coding.
    assert made[0][1] == made[1][1]
    assert len(made[1][2]) == pytest.approx(len(made[0][2]), rel=0.02)
