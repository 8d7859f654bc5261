"""Moving an avatar's mouth points makes its pack anew around them; undoing leaves no trace; refusals change nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.errors import CancelledError, InputError
from appliance.pipeline import avatars, pack
from appliance.pipeline.adjust import adjust
from appliance.pipeline.enroll import enroll
from appliance.pipeline.face_frame import FaceFrame
from appliance.pipeline.mouth_points import INDEX
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.progress import Job, Progress
from appliance.volumes import Volumes
from tests import assets, moving_pictures

CORNER = "outer_corner_left"


@pytest.fixture
def volumes(tmp_path: Path) -> Volumes:
    return Volumes(tmp_path / "box")


@pytest.fixture
def portrait(volumes: Volumes) -> AvatarPack:
    return enroll(assets.astronaut(), "anna", volumes.avatars)


def mouth(avatar: AvatarPack) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads((avatar.path / pack.MOUTH).read_bytes())
    return stored


def content(avatar: AvatarPack) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in avatar.path.iterdir() if path.name != pack.MANIFEST}


def moved_by(avatar: AvatarPack, name: str, x: float, y: float) -> dict[str, list[float]]:
    place = mouth(avatar)["detected"][name]
    return {name: [place[0] + x, place[1] + y]}


def test_a_new_pack_says_where_the_mouth_is(portrait: AvatarPack) -> None:
    said = mouth(portrait)
    assert (said["width"], said["height"]) == (512, 512)
    assert said["points"] == said["detected"]
    assert said["moved"] == {}
    assert said["points"]["chin"] == pytest.approx(portrait.points()[0][INDEX["chin"]], abs=0.01)
    assert np.array_equal(portrait.detected(), portrait.points())


def test_the_picture_opens_where_the_corner_was_put(portrait: AvatarPack, volumes: Volumes) -> None:
    before, seam, found = portrait.rig()["y"], portrait.rig()["opening"], np.array(portrait.points())
    changed = adjust(portrait, moved_by(portrait, CORNER, 6, -4), volumes, Job())
    assert changed.path == portrait.path
    assert AvatarPack.load(changed.path).manifest == changed.manifest
    said = mouth(changed)
    assert list(said["moved"]) == [CORNER]
    assert said["points"][CORNER] == pytest.approx(np.add(said["detected"][CORNER], (6, -4)), abs=0.02)
    assert changed.points()[0][INDEX[CORNER]] == pytest.approx(said["points"][CORNER], abs=0.02)
    assert np.array_equal(changed.detected(), found)
    opening = changed.rig()["opening"]
    assert opening[1] - opening[0] > seam[1] - seam[0] + 2, "the opening reaches farther"
    assert np.array_equal(changed.rig()["y"], before), "the picture is the same"
    assert changed.digest != portrait.digest
    assert changed.manifest.created == portrait.manifest.created


def test_adjustments_add_up_and_undoing_leaves_no_trace(portrait: AvatarPack, volumes: Volumes) -> None:
    untouched = content(portrait)
    first = adjust(portrait, moved_by(portrait, CORNER, 3, 0), volumes, Job())
    once = content(first)
    second = adjust(first, moved_by(first, "chin", 0, 4), volumes, Job())
    assert set(mouth(second)["moved"]) == {CORNER, "chin"}
    back = adjust(second, moved_by(second, "chin", 0, 0), volumes, Job())
    assert content(back) == once
    reset = adjust(back, mouth(back)["detected"], volumes, Job())
    assert content(reset) == untouched
    assert not (reset.path / pack.DETECTED).exists()


def test_a_template_takes_it_along_in_every_frame(tmp_path: Path, volumes: Volumes) -> None:
    picture: NDArray[np.uint8] = np.asarray(cv2.imread(str(assets.astronaut())), dtype=np.uint8)
    pictures, maps = moving_pictures.swaying(picture, 20)
    pictures[9] = np.full_like(pictures[9], 90)
    pictures[10:14] = [np.full_like(pictures[0], 90)] * 4
    film = moving_pictures.write_video(tmp_path / "film.mp4", pictures, options={"crf": "10"})
    avatar = enroll(film, "film", volumes.avatars)
    before, frames = np.array(avatar.points()), (avatar.path / pack.FRAMES).read_bytes()
    reference = avatar.manifest.reference_frame
    changed = adjust(avatar, moved_by(avatar, CORNER, 5, -3), volumes, Job())
    after = changed.points()
    assert (changed.path / pack.FRAMES).read_bytes() == frames
    assert np.array_equal(np.isnan(after), np.isnan(before))
    assert np.isnan(after[9:14]).all()
    assert after[reference][INDEX[CORNER]] - before[reference][INDEX[CORNER]] == pytest.approx((5, -3), abs=0.02)
    seen = np.flatnonzero(np.isfinite(after[:, 0, 0]))
    # Against the true motion of the head, the corner has moved alike in every frame.
    moves = np.array([(after[i] - before[i])[INDEX[CORNER]] @ np.linalg.inv(maps[i][:, :2]).T for i in seen])
    assert np.abs(moves - moves.mean(0)).max() < 0.5
    local = [(after[i] - before[i]) @ FaceFrame.of(before[i]).ex / FaceFrame.of(before[i]).unit for i in seen]
    assert np.ptp(local, axis=0).max() < 1e-3
    assert content(adjust(changed, mouth(changed)["detected"], volumes, Job()))[pack.POINTS] == (
        (volumes.avatars / "film" / pack.POINTS).read_bytes()
    )
    assert np.array_equal(AvatarPack.load(avatar.path).points(), before, equal_nan=True)


def test_refusals_and_cancelling_leave_the_avatar_as_it_is(portrait: AvatarPack, volumes: Volumes) -> None:
    before = content(portrait)
    for points, words in (
        ({"nose": [1.0, 1.0]}, "no point"),
        (moved_by(portrait, "outer_upper", 0, 14), "inside out"),
    ):
        with pytest.raises(InputError, match=words):
            adjust(portrait, points, volumes, Job())

    def listen(progress: Progress) -> None:
        if progress.done > 0.8:
            job.cancel()

    job = Job(listen)
    with pytest.raises(CancelledError):
        adjust(portrait, moved_by(portrait, CORNER, 3, 0), volumes, job)
    assert content(portrait) == before
    assert [path.name for path in volumes.avatars.iterdir()] == ["anna"]


def test_what_was_never_enrolled_cannot_be_adjusted(volumes: Volumes) -> None:
    with pytest.raises(InputError, match="demo cannot be moved") as error:
        adjust(avatars.show("demo", volumes), {"chin": [1.0, 1.0]}, volumes, Job())
    assert "enrol" in error.value.hint
    resolved = avatars.resolve(str(assets.astronaut()), volumes)
    with pytest.raises(InputError, match="astronaut cannot be moved"):
        adjust(resolved, {"chin": [1.0, 1.0]}, volumes, Job())


def test_replaced_while_it_is_open_the_old_pack_can_still_be_read(portrait: AvatarPack, volumes: Volumes) -> None:
    points = portrait.points()
    before = np.array(points)
    adjust(portrait, moved_by(portrait, CORNER, 3, 0), volumes, Job())
    assert np.array_equal(points, before)
