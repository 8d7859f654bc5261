"""Avatars by name, and what a user's word for one means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline import avatars, pack
from appliance.pipeline.demo import draw_demo
from appliance.volumes import Volumes
from tests import assets


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path / "box")


def add(name: str, volumes: Volumes) -> pack.AvatarPack:
    return avatars.add(assets.astronaut(), name, volumes, face=None, replace=False, job=None)


def test_lists_shows_and_removes_by_name(volumes: Volumes) -> None:
    assert avatars.names(volumes) == ["demo"]
    for name in ("berta", "anna"):
        add(name, volumes)
    (volumes.avatars / ".tmp-half").mkdir()
    (volumes.avatars / ".tmp-half" / pack.MANIFEST).touch()
    assert avatars.names(volumes) == ["demo", "anna", "berta"]
    assert avatars.show("anna", volumes).manifest.name == "anna"
    avatars.remove("anna", volumes)
    assert avatars.names(volumes) == ["demo", "berta"]
    with pytest.raises(InputError, match="neither a file nor an avatar anna") as error:
        avatars.show("anna", volumes)
    assert "demo, berta" in error.value.hint
    with pytest.raises(InputError, match="nor an avatar anna"):
        avatars.remove("anna", volumes)


def test_a_damaged_avatar_can_be_removed(volumes: Volumes) -> None:
    made = add("anna", volumes)
    (made.path / pack.RIG).write_bytes(b"rot")
    with pytest.raises(InputError, match="anna is damaged"):
        avatars.show("anna", volumes)
    avatars.remove("anna", volumes)
    assert not (volumes.avatars / "anna").exists()


@pytest.mark.parametrize("name", ["../box", "..", ".", "/etc", "anna/../anna", ""])
def test_no_name_leads_out_of_the_folder(volumes: Volumes, name: str) -> None:
    add("anna", volumes)
    for action in (avatars.remove, avatars.show):
        with pytest.raises(InputError, match="no name for an avatar"):
            action(name, volumes)
    assert avatars.names(volumes) == ["demo", "anna"]


def test_a_path_is_a_file_and_a_name_an_avatar(volumes: Volumes, monkeypatch: pytest.MonkeyPatch) -> None:
    add("anna", volumes)
    by_file = avatars.resolve(str(assets.astronaut()), volumes)
    assert by_file.path.parent == volumes.packs
    assert avatars.resolve("anna", volumes).path == volumes.avatars / "anna"
    monkeypatch.chdir(volumes.root)
    (volumes.root / "anna").mkdir()
    assert avatars.resolve("anna", volumes).path == volumes.avatars / "anna", "a folder of that name is no file"
    (volumes.root / "anna").rmdir()
    (volumes.root / "anna").write_bytes(assets.astronaut().read_bytes())
    assert avatars.resolve("anna", volumes).path == by_file.path


@pytest.mark.parametrize("reference", ["nobody", "nowhere/face.png", "../../etc/passwd2", "", "."])
def test_an_unknown_word_lists_the_known_ones(volumes: Volumes, reference: str) -> None:
    add("anna", volumes)
    with pytest.raises(InputError, match="neither a file nor an avatar") as error:
        avatars.resolve(reference, volumes)
    assert "demo, anna" in error.value.hint


def test_the_demo_is_drawn_once_and_stays(volumes: Volumes) -> None:
    picture, points = draw_demo()
    first = avatars.resolve("demo", volumes)
    assert first.manifest.kind == "drawn"
    assert np.array_equal(first.picture(), picture)
    assert np.array_equal(first.points()[0], points)
    stamp = (first.path / pack.MANIFEST).stat().st_mtime_ns
    again = avatars.show("demo", volumes)
    assert (again.path / pack.MANIFEST).stat().st_mtime_ns == stamp
    (first.path / pack.PICTURE).write_bytes(b"rot")
    assert np.array_equal(avatars.show("demo", volumes).picture(), picture), "made again when damaged"
    with pytest.raises(InputError, match="cannot be removed"):
        avatars.remove("demo", volumes)
    with pytest.raises(InputError, match="belongs to the avatar that is shipped"):
        add("demo", volumes)
