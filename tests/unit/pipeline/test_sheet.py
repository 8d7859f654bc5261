"""The contact sheet shows every viseme of an avatar, each in a tile of its own, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from appliance.errors import InputError
from appliance.pipeline import sheet
from appliance.pipeline.enroll import enroll
from appliance.pipeline.modes import Mode
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.track import VISEMES
from tests import assets, faces, moving_pictures
from tests.faces import Picture

COLUMNS = 4


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> AvatarPack:
    return enroll(assets.astronaut(), "still", tmp_path_factory.mktemp("still"))


def tiles(picture: Picture) -> list[Picture]:
    rows = len(sheet.POSES) // COLUMNS
    return [tile for row in np.vsplit(picture, rows) for tile in np.hsplit(row, COLUMNS)]


def test_every_viseme_has_a_pose_of_known_modes() -> None:
    named = " ".join(sheet.POSES)
    assert all(viseme in named for viseme in VISEMES)
    for values in sheet.POSES.values():
        assert values.keys() <= set(Mode.__members__) | {"tongue", "blink"}
    assert len(sheet.POSES) % COLUMNS == 0


def test_a_portraits_sheet_has_a_different_face_in_every_tile(still: AvatarPack, tmp_path: Path) -> None:
    sheet.save(still, tmp_path / "sheet.png")
    picture = np.asarray(cv2.imread(str(tmp_path / "sheet.png")), np.uint8)
    found = tiles(picture)
    assert len(found) == len(sheet.POSES)
    rest = found[0][: found[0].shape[1]]
    for name, tile in list(zip(sheet.POSES, found, strict=True))[1:]:
        face = tile[: tile.shape[1]]
        assert (cv2.absdiff(face, rest) > 25).sum() > 100, name
    assert [path.name for path in tmp_path.iterdir()] == ["sheet.png"]


def test_a_templates_sheet_shows_its_reference_frame(tmp_path: Path) -> None:
    pictures, _ = moving_pictures.swaying(faces.astronaut()[0], 4)
    film = moving_pictures.write_video(tmp_path / "film.mp4", pictures, options={"crf": "10"})
    sheet.save(enroll(film, "film", tmp_path / "avatars"), tmp_path / "sheet.png")
    found = tiles(np.asarray(cv2.imread(str(tmp_path / "sheet.png")), np.uint8))
    wide = list(sheet.POSES).index("widest")
    assert (cv2.absdiff(found[wide][:400], found[0][:400]) > 40).sum() > 200


def test_a_sheet_that_cannot_be_written_is_refused_by_name(still: AvatarPack, tmp_path: Path) -> None:
    target = tmp_path / "missing" / "sheet.png"
    with pytest.raises(InputError) as error:
        sheet.save(still, target)
    assert str(target) in error.value.message
    assert error.value.hint
