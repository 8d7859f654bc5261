"""The console's view of real packs."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from appliance.errors import InputError
from appliance.jobs import avatars
from appliance.pipeline import avatars as packs
from appliance.pipeline.demo import draw_demo
from appliance.pipeline.pack import AvatarPack
from appliance.volumes import Volumes


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Volumes, AvatarPack]:
    volumes = Volumes(tmp_path_factory.mktemp("box"))
    picture = volumes.root / "anna.png"
    cv2.imwrite(str(picture), cv2.resize(draw_demo()[0], (256, 256), interpolation=cv2.INTER_AREA))
    return volumes, packs.add(picture, "anna", volumes, face=None, replace=False, job=None)


def test_a_pack_is_described_as_it_is(enrolled: tuple[Volumes, AvatarPack]) -> None:
    volumes, pack = enrolled
    avatar = avatars.get(volumes, "anna")
    manifest = pack.manifest
    assert (avatar.name, avatar.kind, avatar.width, avatar.height) == ("anna", "portrait", 256, 256)
    assert (avatar.frames, avatar.fps, avatar.created) == (1, manifest.fps, manifest.created)
    assert avatar.checksum == json.loads((pack.path / "manifest.json").read_text())["checksum"]
    assert avatar.thumbnail.read_bytes()[:2] == b"\xff\xd8"
    assert (avatar.preview, avatar.points is None) == (
        pack.path / "preview.jpg" if "preview.jpg" in manifest.files else None,
        "mouth.json" not in manifest.files,
    )
    assert not avatar.shipped


def test_the_shipped_one_comes_first_once_the_worker_says_where(enrolled: tuple[Volumes, AvatarPack]) -> None:
    volumes, pack = enrolled
    assert [avatar.name for avatar in avatars.entries(volumes)] == ["anna"]
    with pytest.raises(InputError, match="demo"):
        avatars.get(volumes, "demo")
    avatars.publish_demo(volumes, pack.path)
    assert [avatar.name for avatar in avatars.entries(volumes)] == ["demo", "anna"]
    assert avatars.get(volumes, "demo").shipped


def test_contact_sheets_go_with_their_avatars(enrolled: tuple[Volumes, AvatarPack], tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    shutil.copytree(enrolled[0].avatars, volumes.avatars)
    volumes.sheets.mkdir(parents=True)
    checksum = avatars.get(volumes, "anna").checksum
    kept = avatars.sheet_file(volumes, "anna", checksum)
    shipped = avatars.sheet_file(volumes, "demo", checksum)
    for sheet in (kept, shipped, *(avatars.sheet_file(volumes, name, "0" * 16) for name in ("anna", "bert", "demo"))):
        sheet.write_bytes(b"x")
    avatars.sweep_sheets(volumes)
    assert {sheet.name.partition("-")[0] for sheet in volumes.sheets.iterdir()} == {"anna", "demo"}
    assert avatars.get(volumes, "anna").sheet == kept
    avatars.publish_demo(volumes, volumes.avatars / "anna")
    avatars.sweep_sheets(volumes)
    assert set(volumes.sheets.iterdir()) == {kept, shipped}


def test_what_cannot_be_read_is_not_listed(tmp_path: Path) -> None:
    volumes = Volumes(tmp_path)
    for name, text in (("broken", "{"), ("strange", '{"kind": "portrait"}'), ("list", "[]")):
        (volumes.avatars / name).mkdir(parents=True)
        (volumes.avatars / name / "manifest.json").write_text(text)
    (volumes.avatars / "empty").mkdir()
    assert avatars.entries(volumes) == []
    with pytest.raises(InputError):
        avatars.get(volumes, "broken")
    avatars.remove(volumes, "broken")
    assert not (volumes.avatars / "broken").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../outputs", "nobody", "ANNA", ".tmp-x"])
def test_other_names_reach_nothing(tmp_path: Path, name: str) -> None:
    volumes = Volumes(tmp_path)
    volumes.outputs.mkdir(parents=True)
    (volumes.avatars / ".tmp-x").mkdir(parents=True)
    for ask in (avatars.get, avatars.remove):
        with pytest.raises(InputError, match="no avatar"):
            ask(volumes, name)
    assert volumes.outputs.is_dir()
    assert (volumes.avatars / ".tmp-x").is_dir()


def test_the_shipped_one_cannot_be_removed(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="part of the program"):
        avatars.remove(Volumes(tmp_path), "demo")


def test_looking_at_avatars_loads_nothing_heavy() -> None:
    code = (
        "import appliance.jobs.avatars, appliance.jobs.store, appliance.jobs.uploads, appliance.jobs.retention, "
        "appliance.jobs.options, sys; print(*sys.modules)"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert set(loaded).isdisjoint(("numpy", "cv2", "av", "torch", "onnxruntime", "PIL", "appliance.pipeline"))
