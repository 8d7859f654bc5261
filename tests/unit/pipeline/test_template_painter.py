"""Speech on a real template video: only the lower face changes, the mouth does what is said, frames go to and fro."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline import rig as rigs
from appliance.pipeline.boxes import halved, view
from appliance.pipeline.enroll import enroll
from appliance.pipeline.face_frame import Box, FaceFrame, pixel_centres
from appliance.pipeline.framing import Framing
from appliance.pipeline.landmarks import group
from appliance.pipeline.lips import Mouth
from appliance.pipeline.nv12 import Nv12
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.performance import Performance
from appliance.pipeline.scene import Scene
from appliance.pipeline.template import FrameWriter, TemplateFrames
from appliance.pipeline.template_painter import TemplatePainter
from tests import faces, moving_pictures
from tests.faces import Planes, performance, pose

COUNT, BLANK = 20, range(12, 16)
SIZE = (480, 400)


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> AvatarPack:
    """A portrait that moves and breathes, twice as large as it was, with a stretch without a face."""
    folder = tmp_path_factory.mktemp("template")
    portrait = cv2.resize(faces.astronaut()[0], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    left, top = 226 * 2 - SIZE[0] // 2, 124 * 2 - 200
    cut = np.ascontiguousarray(portrait[top : top + SIZE[1], left : left + SIZE[0]], np.uint8)
    pictures = []
    for i in range(COUNT):
        move = cv2.getRotationMatrix2D((SIZE[0] / 2, 200), 3 * np.sin(i / 4), 1 + 0.03 * np.sin(i / 5))
        move[:, 2] += (8 * np.sin(i / 3), 4 * np.sin(i / 4))
        pictures.append(np.asarray(cv2.warpAffine(cut, move, SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8))
    for i in BLANK:
        pictures[i] = np.full_like(pictures[i], 90)
    film = moving_pictures.write_video(folder / "film.mp4", pictures, options={"crf": "8"})
    return enroll(film, "film", folder / "avatars")


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """A scene of the template."""

    pack: AvatarPack
    options: Options
    scene: Scene

    @classmethod
    def of(cls, pack: AvatarPack, options: Options) -> Template:
        return cls(pack, options, Scene(pack, options))

    def painted(self, shown: Performance, *frames: int) -> list[Planes]:
        """The planes of these frames of the video, painted by a fresh painter."""
        scene = self.scene
        y, uv = (
            np.empty((scene.height, scene.width), np.uint8),
            np.empty((scene.height // 2, scene.width // 2, 2), np.uint8),
        )
        painter = scene.painter(y, uv)
        found = []
        for frame in frames:
            painter.paint(shown, 0, frame)
            found.append((y.copy(), uv.copy()))
        return found

    def stored(self, frame: int) -> Planes:
        framing = Framing.of(*SIZE, self.pack.points(), self.options)
        with self.pack.frames() as frames:
            return framing.planes(*frames.get(frame))

    def face(self, frame: int) -> tuple[FaceFrame, Mouth, NDArray[np.float32]]:
        framing = Framing.of(*SIZE, self.pack.points(), self.options)
        points = np.asarray(framing.points(self.pack.points())[frame], np.float32)
        return FaceFrame.of(points), Mouth.of(points, FaceFrame.of(points)), points


@pytest.fixture(scope="module")
def template(pack: AvatarPack) -> Template:
    return Template.of(pack, Options(min_resolution=128))


def test_the_face_was_found_where_it_is(template: Template) -> None:
    seen = ~np.isnan(template.pack.points()[:, 0, 0])
    assert not seen[BLANK[1] : BLANK[-1]].any()
    assert seen[: BLANK[0] - 1].all()


@pytest.mark.parametrize("frame", [BLANK[1], BLANK[2]])
def test_a_frame_without_a_face_is_passed_on(template: Template, frame: int) -> None:
    ((y, uv),) = template.painted(pose(OPEN=1, HEAD_X=0.1, blink=1), frame)
    stored_y, stored_uv = template.stored(frame)
    assert np.array_equal(y, stored_y)
    assert np.array_equal(uv, stored_uv)


def lower_face(template: Template, frame: int) -> Box:
    own, _, points = template.face(frame)
    corners = rigs.face_extent(points, own)
    low, high = np.floor(corners.min(0) / 2) * 2, np.ceil(corners.max(0) / 2) * 2 + 2 * rigs.grid_step(own, 11)
    return max(0, int(low[0])), max(0, int(low[1])), int(high[0]), int(high[1])


@pytest.mark.parametrize("frame", [0, 6, 18])
def test_only_the_lower_face_is_touched(template: Template, frame: int) -> None:
    ((y, uv),) = template.painted(pose(OPEN=1, HEAD_X=0.1, HEAD_Y=0.1, BROW=1, blink=1), frame)
    stored_y, stored_uv = template.stored(frame)
    box = lower_face(template, frame)
    assert np.array_equal(faces.outside(y, box), faces.outside(stored_y, box))
    assert np.array_equal(faces.outside(uv, halved(box)), faces.outside(stored_uv, halved(box)))
    assert cv2.absdiff(view(y, box), view(stored_y, box)).max() > 40


def test_head_brows_and_eyes_are_the_templates_own(template: Template) -> None:
    still = template.painted(pose(OPEN=0.4), 3)[0]
    moved = template.painted(pose(OPEN=0.4, HEAD_X=0.1, HEAD_Y=0.1, ROLL=0.1, BROW=1, blink=1), 3)[0]
    for a, b in zip(still, moved, strict=True):
        assert np.array_equal(a, b)


def between_the_lips(template: Template, frame: int) -> NDArray[np.bool_]:
    """The middle of the opening that the template's own frame shows."""
    own, mouth, _ = template.face(frame)
    height, width = template.stored(frame)[0].shape
    local = own.local(pixel_centres((0, 0, width, height)))
    top, bottom = (
        np.interp(local[..., 0], chain[:, 0], chain[:, 1]) for chain in (mouth.upper_inner, mouth.lower_inner)
    )
    near = np.abs(local[..., 0]) < 0.2 * own.mouth
    keep = 0.03 * own.mouth
    return np.asarray(near & (local[..., 1] > top + keep) & (local[..., 1] < bottom - keep))


def redness(planes: Planes) -> NDArray[np.uint8]:
    return np.asarray(cv2.resize(planes[1][..., 1], planes[0].shape[::-1], interpolation=cv2.INTER_LINEAR))


@pytest.mark.parametrize("frame", [0, 6, 18])
def test_a_smiling_templates_mouth_closes_and_opens(template: Template, frame: int) -> None:
    own, mouth, _ = template.face(frame)
    assert mouth.is_open
    (shut,), (wide,) = template.painted(pose(), frame), template.painted(pose(OPEN=0.9), frame)
    teeth = between_the_lips(template, frame)
    assert teeth.sum() > 30
    stored = template.stored(frame)
    # Where teeth were there are lips now: redder and darker.
    assert redness(shut)[teeth].mean() > redness(stored)[teeth].mean() + 3
    assert shut[0][teeth].mean() < stored[0][teeth].mean() - 10
    chin = own.pixels(np.array([[0, 0.3 * own.mouth]], np.float32))[0].astype(int)
    below: Box = (int(chin[0]) - 8, int(chin[1]) - 8, int(chin[0]) + 8, int(chin[1]) + 8)
    assert np.percentile(view(wide[0], below), 20) < 0.6 * np.percentile(view(shut[0], below), 20)


def test_the_template_plays_forward_and_back(template: Template) -> None:
    shown = pose(OPEN=0.3)
    turn = 2 * (COUNT - 1)
    for frame in (5, BLANK[1], COUNT - 2):
        there, back, again = template.painted(shown, frame, turn - frame, turn + frame)
        for a, b, c in zip(there, back, again, strict=True):
            assert np.array_equal(a, b)
            assert np.array_equal(a, c)
    # At the turn, and at the start again, it goes on by one frame like everywhere else.
    for at, neighbour in ((COUNT - 1, COUNT - 2), (COUNT, COUNT - 2), (turn, 0), (turn + 1, 1)):
        found, same = template.painted(shown, at, neighbour)
        assert np.array_equal(found[0], same[0]) == (at != COUNT - 1)


def test_a_frame_does_not_depend_on_those_before(template: Template) -> None:
    alone = template.painted(pose(OPEN=0.5), 4)[0]
    after = template.painted(pose(OPEN=0.5), 17, 13, 2, 4)[-1]
    for a, b in zip(alone, after, strict=True):
        assert np.array_equal(a, b)


def test_at_twice_the_rate_every_frame_shows_twice(pack: AvatarPack) -> None:
    double = Template.of(pack, Options(min_resolution=128, fps=50.0))
    shown = double.painted(pose(), 6, 7, 8)
    assert np.array_equal(shown[0][0], shown[1][0])
    assert not np.array_equal(shown[1][0], shown[2][0])
    assert np.array_equal(shown[0][0], Template.of(pack, Options(min_resolution=128)).painted(pose(), 3)[0][0])


@pytest.mark.parametrize(
    "options", [Options(min_resolution=600), Options(expand_ratio=0.2, min_resolution=300)], ids=["enlarged", "cut"]
)
def test_a_template_shown_otherwise_speaks_just_the_same(pack: AvatarPack, options: Options) -> None:
    template = Template.of(pack, options)
    shut, wide = template.painted(pose(), 6)[0], template.painted(pose(OPEN=0.9), 6)[0]
    box = lower_face(template, 6)
    stored = template.stored(6)
    assert wide[0].shape == stored[0].shape
    assert np.array_equal(faces.outside(wide[0], box), faces.outside(stored[0], box))
    assert (cv2.absdiff(view(shut[0], box), view(wide[0], box)) > 40).mean() > 0.01


def test_every_row_of_a_performance_can_be_shown(template: Template) -> None:
    rows = performance(
        [{"OPEN": 1.25}, {"OPEN_ROUND": 1.25, "ROUND": 1}, {"PRESS": 1, "WIDE": -1}, {"TUCK": 1}], tongue=1
    )
    for row in range(len(rows)):
        ((y, _),) = template.painted(rows[row : row + 1], 6)
        assert cv2.absdiff(y, template.stored(6)[0]).max() > 20


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One stored frame of 256 x 256 pixels."""
    path = tmp_path_factory.mktemp("grey") / "frames.mp4"
    with FrameWriter(path, 256, 256, Fraction(25)) as writer:
        writer.write(Nv12(np.full((256, 256), 120, np.uint8), np.full((128, 128, 2), 128, np.uint8)))
    return path


@pytest.mark.parametrize("unit", [40, 54])
@pytest.mark.parametrize("side", ["left", "top", "right", "bottom"])
def test_a_face_may_leave_the_frame_over_any_edge(grey: Path, side: str, unit: float) -> None:
    """Also where the grid of the lower layer ends above the frame's edge, and where no part of the opening is left."""
    own = FaceFrame.of(faces.astronaut()[1])
    points = ((faces.astronaut()[1] - own.origin) * (unit / own.unit)).astype(np.float32)
    way = {"left": (-1, 0), "top": (0, -1), "right": (1, 0), "bottom": (0, 1)}[side]
    chin = float(group(points, "chin")[0, 1])
    beyond = np.append(np.arange(-chin - 8, unit), 1.7 * unit)
    track = 128 + points + np.multiply.outer(128 + beyond, np.array(way))[:, None]
    rig, whole = faces.portrait(*faces.astronaut()).rig, Framing((0, 0, 256, 256), 256, 256)
    y, uv = np.empty((256, 256), np.uint8), np.empty((128, 128, 2), np.uint8)
    opened = []
    with TemplateFrames(grey, 1) as frames:
        plain = frames.get(0).y
        for place in track.astype(np.float32):
            painter = TemplatePainter(frames, place[None], whole, rig, 1.0, y, uv, inference_steps=1)
            painter.paint(pose(OPEN=0.2), 0, 0)
            opened.append(y.copy())
    assert cv2.absdiff(opened[0], plain).max() > 40, "in the frame it shows"
    assert np.array_equal(opened[-1], plain), "beyond the frame nothing is left of it"
