"""A scene has the size and the rate that the options ask for, and a painter for its kind of avatar."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from appliance.pipeline.enroll import enroll
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.painter import PortraitPainter
from appliance.pipeline.scene import Scene
from appliance.pipeline.template_painter import TemplatePainter
from tests import assets, faces, moving_pictures
from tests.faces import Planes, pose


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> AvatarPack:
    return enroll(assets.astronaut(), "still", tmp_path_factory.mktemp("still"))


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> AvatarPack:
    folder = tmp_path_factory.mktemp("film")
    pictures, _ = moving_pictures.swaying(faces.astronaut()[0], 6)
    path = moving_pictures.write_video(folder / "film.mp4", pictures, rate=Fraction(30000, 1001), options={"crf": "10"})
    return enroll(path, "film", folder / "avatars")


def shown(scene: Scene, frame: int = 0, **modes: float) -> Planes:
    y = np.empty((scene.height, scene.width), np.uint8)
    uv = np.empty((scene.height // 2, scene.width // 2, 2), np.uint8)
    scene.painter(y, uv).paint(pose(**modes), 0, frame)
    return y, uv


def test_a_still_is_shown_as_it_is_at_25_frames_a_second(still: AvatarPack) -> None:
    scene = Scene(still, Options())
    assert (scene.width, scene.height, float(scene.rate)) == (512, 512, 25.0)
    y, uv = np.empty((512, 512), np.uint8), np.empty((256, 256, 2), np.uint8)
    assert isinstance(scene.painter(y, uv), PortraitPainter)
    rig = still.rig()
    _, top, _, bottom = rig["skin_box"]
    painted, _ = shown(scene)
    assert np.array_equal(painted[:top], rig["y"][:top])
    assert np.array_equal(painted[bottom:], rig["y"][bottom:])


def test_a_film_has_its_own_rate(film: AvatarPack) -> None:
    scene = Scene(film, Options(min_resolution=128))
    assert (scene.width, scene.height) == (320, 240)
    assert scene.rate == Fraction(30000, 1001)
    y, uv = np.empty((240, 320), np.uint8), np.empty((120, 160, 2), np.uint8)
    assert isinstance(scene.painter(y, uv), TemplatePainter)


@pytest.mark.parametrize(
    ("fps", "rate"), [(30.0, Fraction(30)), (12.5, Fraction(25, 2)), (29.97, Fraction(30000, 1001))]
)
def test_fps_sets_the_rate(still: AvatarPack, film: AvatarPack, fps: float, rate: Fraction) -> None:
    for pack in (still, film):
        assert Scene(pack, Options(fps=fps)).rate == rate


@pytest.mark.parametrize("smaller_side", [128, 512, 720, 1024])
def test_min_resolution_enlarges_what_is_smaller(still: AvatarPack, film: AvatarPack, smaller_side: int) -> None:
    scene = Scene(still, Options(min_resolution=smaller_side))
    assert scene.width == scene.height == max(512, smaller_side)
    scene = Scene(film, Options(min_resolution=smaller_side))
    assert scene.height == max(240, smaller_side)
    assert scene.width == pytest.approx(scene.height * 4 / 3, abs=2)


@pytest.mark.parametrize("options", [Options(min_resolution=700), Options(expand_ratio=0.3)], ids=["enlarged", "cut"])
def test_a_still_shown_otherwise_speaks_just_the_same(still: AvatarPack, options: Options) -> None:
    scene = Scene(still, options)
    shut, spread = shown(scene), shown(scene, OPEN=0.9)
    assert shut[0].shape == (scene.height, scene.width)
    changed = np.abs(shut[0].astype(int) - spread[0]) > 30
    left, top, right, bottom = scene.face_box(0)
    assert changed[top:bottom, left:right].sum() > 50
    # The chin goes down, and the neck's edge with it.
    changed[top : bottom + (bottom - top) // 4, left:right] = False
    assert changed.sum() == 0


def test_expand_ratio_brings_the_face_nearer(still: AvatarPack) -> None:
    shares = []
    for ratio in (0.0, 0.5, 1.5, None):
        scene = Scene(still, Options(expand_ratio=ratio))
        left, top, right, bottom = scene.face_box(0)
        assert 0 <= left < right <= scene.width
        assert 0 <= top < bottom <= scene.height
        shares.append((right - left) * (bottom - top) / (scene.width * scene.height))
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.8
    assert shares[-1] < 0.1


def test_inference_steps_reach_the_painter(still: AvatarPack, film: AvatarPack) -> None:
    for pack in (still, film):
        coarse, fine, finer = (
            shown(Scene(pack, Options(inference_steps=steps, min_resolution=512)), OPEN=1)[0].astype(int)
            for steps in (1, 4, 8)
        )
        assert np.abs(coarse - finer).mean() > 2 * np.abs(fine - finer).mean()


def test_painters_of_one_scene_do_not_disturb_each_other(film: AvatarPack) -> None:
    scene = Scene(film, Options(min_resolution=128))
    planes = [(np.empty((240, 320), np.uint8), np.empty((120, 160, 2), np.uint8)) for _ in range(2)]
    one, other = (scene.painter(*pair) for pair in planes)
    one.paint(pose(OPEN=0.8), 0, 1)
    before = planes[0][0].copy()
    other.paint(pose(), 0, 4)
    assert np.array_equal(planes[0][0], before)
    assert np.array_equal(planes[1][0], shown(scene, 4)[0])
