"""Two faces for tests of the picture, and a stage to paint them on.

`drawn()` is the demo avatar, its mouth closed; `smiling()` is NASA's portrait of Eileen Collins cut to the head and
enlarged, with teeth between the lips. Both are 512 pixels or more on the shorter side. What they return is shared:
do not change it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import yuv
from appliance.pipeline.demo import draw_demo
from appliance.pipeline.face_frame import Box, FaceFrame, pixel_centres
from appliance.pipeline.faces import FaceDetector
from appliance.pipeline.framing import Framing
from appliance.pipeline.landmarks import Points
from appliance.pipeline.lips import Mouth
from appliance.pipeline.modes import FULL_GAP, LOWER_SHARE, Mode
from appliance.pipeline.options import Options
from appliance.pipeline.painter import PortraitPainter
from appliance.pipeline.performance import Performance
from appliance.pipeline.rig import Rig, build_rig
from tests import assets

Picture = NDArray[np.uint8]
Planes = tuple[yuv.Plane, yuv.Plane]


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """A picture [H, W, 3] BGR with its landmarks, and what the pipeline makes of them."""

    picture: Picture
    points: Points
    frame: FaceFrame
    mouth: Mouth
    arrays: dict[str, NDArray[Any]]
    rig: Rig


def portrait(picture: Picture, points: Points) -> Portrait:
    """The picture made ready for painting."""
    frame = FaceFrame.of(points)
    arrays = build_rig(picture, points)
    mouth = Mouth.of(points, frame).snapped(arrays["y"], frame)
    return Portrait(picture, points, frame, mouth, arrays, Rig.from_arrays(arrays))


@cache
def drawn(size: int = 512) -> Portrait:
    """The demo avatar."""
    return portrait(*draw_demo(size))


@cache
def astronaut() -> tuple[Picture, Points]:
    """The photograph as it is, and its landmarks."""
    picture = np.asarray(cv2.imread(str(assets.astronaut())), np.uint8)
    detector = FaceDetector()
    (face,) = detector.find(picture)
    return picture, detector.refined(picture, face).points


@cache
def smiling() -> Portrait:
    """The photograph's head, enlarged."""
    picture, points = astronaut()
    height, width = picture.shape[:2]
    framing = Framing.of(width, height, points[None], Options(expand_ratio=0.7, min_resolution=512))
    return portrait(framing.picture(picture), framing.points(points))


BOTH = {"drawn": drawn, "smiling": smiling}


def pose(*, tongue: float = 0, blink: float = 0, **modes: float) -> Performance:
    """One frame of a performance: coefficients by the names of `Mode`."""
    return performance([modes], tongue=tongue, blink=blink)


def performance(rows: list[dict[str, float]], *, tongue: float = 0, blink: float = 0) -> Performance:
    """A performance with one frame for each row of coefficients."""
    table = np.zeros((len(rows), len(Mode)), np.float32)
    table[:, Mode.SEAL] = 1
    for row, values in zip(table, rows, strict=True):
        for name, value in values.items():
            row[Mode[name]] = value
    count = len(rows)
    return Performance(table, np.full(count, tongue, np.float32), np.full(count, blink, np.float32))


class Stage:
    """A portrait's painter with its planes."""

    def __init__(self, rig: Rig, inference_steps: int = 3) -> None:
        self.y, self.uv = np.empty_like(rig.y), np.empty_like(rig.uv)
        self.painter = PortraitPainter(rig, self.y, self.uv, inference_steps=inference_steps)

    def begin(self) -> None:
        """Go on with new planes."""
        self.y, self.uv = np.empty_like(self.y), np.empty_like(self.uv)
        self.painter.begin(self.y, self.uv)

    def paint(self, performance: Performance, index: int = 0) -> Planes:
        """Copies of the planes with a frame on them."""
        self.painter.paint(performance, index)
        return self.y.copy(), self.uv.copy()


def painted(rig: Rig, performance: Performance, *, inference_steps: int = 3) -> Planes:
    """The planes with the first frame of a performance, painted by a fresh painter."""
    return Stage(rig, inference_steps).paint(performance)


def outside(plane: NDArray[Any], box: Box) -> NDArray[Any]:
    """A luma plane, or what has its size, with a box blanked out."""
    blank = plane.copy()
    left, top, right, bottom = box
    blank[top:bottom, left:right] = 0
    return blank


def between_the_lips(face: Portrait, *, opening: float, share: float = 0.5) -> NDArray[np.bool_]:
    """Where, in the middle of the mouth (`share` of its width), the lips have parted when it opens by `opening`."""
    height, width = face.rig.y.shape
    local = face.frame.local(pixel_centres((0, 0, width, height)))
    full = FULL_GAP * face.frame.mouth * opening
    seam = np.interp(local[..., 0], face.mouth.upper_inner[:, 0], middle_line(face))
    top, bottom = seam - (1 - LOWER_SHARE) * full, seam + LOWER_SHARE * full
    near = np.abs(local[..., 0]) < share * face.frame.mouth / 2
    return np.asarray(near & (local[..., 1] > top) & (local[..., 1] < bottom), np.bool_)


def middle_line(face: Portrait) -> NDArray[np.floating[Any]]:
    """Local y at its stations of the seam on which a mouth closes: nearer to the upper lip, which moves less."""
    return np.asarray(face.mouth.upper_inner[:, 1] + 0.4 * face.mouth.gap)
