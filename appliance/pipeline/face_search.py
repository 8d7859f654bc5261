"""Where the face of an avatar is in its picture or video, and whether it will do.

What was found in a file is kept in the cache by its content, with all that was decided about it: a file that is there
is fit to be an avatar. The refusals are those of `appliance.pipeline.enroll`.
"""

from __future__ import annotations

import dataclasses
import math
import struct
import time
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance import settings
from appliance.errors import InputError
from appliance.pipeline import face_models, images, landmarks, pack, tracking, yuv
from appliance.pipeline.cached import JobCache, key
from appliance.pipeline.face_frame import FaceFrame
from appliance.pipeline.face_views import Box
from appliance.pipeline.faces import Face, FaceDetector
from appliance.pipeline.images import Picture
from appliance.pipeline.nv12 import Nv12
from appliance.pipeline.progress import Job

_TURN_SLACK: Final = 15.0
"""Degrees beyond the limit at which a single frame of a template counts as one without a face."""
_WIDE_OPEN: Final = 0.3
"""Height over width of an open mouth that shows all it can."""
_LIP_MARGIN: Final = 0.1
"""The lips end so far inside the picture, as a share of the mouth's width: less, and they could not move."""
_CUT_MOUTH: Final = 10.0
"""By so much a frame that cuts the mouth is worse as the reference than any that does not."""
_FOUND: Final = struct.Struct("<I4d")


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What the search came to: landmarks [F, K, 2] in pixels of the pack's frames, the frame to go by, and the face's
    box in the picture as it is in the file (not of a template)."""

    points: NDArray[np.float32]
    reference: int = 0
    box: Box = (0.0, 0.0, 0.0, 0.0)

    def packed(self) -> bytes:
        return _FOUND.pack(self.reference, *self.box) + self.points.astype("<f4").tobytes()

    @classmethod
    def unpacked(cls, data: bytes) -> Found:
        reference, *box = _FOUND.unpack_from(data)
        points = np.frombuffer(data, "<f4", offset=_FOUND.size).reshape(-1, landmarks.POINT_COUNT, 2)
        return cls(points.astype(np.float32), reference, (box[0], box[1], box[2], box[3]))


class Search:
    """For one face in the file `source`: number `wanted` from the left, or the only one of its size."""

    def __init__(self, source: Path, wanted: int | None, job: Job, cache: JobCache) -> None:
        self.source, self.wanted, self.job = source, wanted, job
        self._cache = cache
        self._key = ""

    def known(self) -> Found | None:
        """What the cache knows of this file."""
        if not self._cache.on:
            return None
        networks = [model.sha256 for model in (face_models.DETECTOR, face_models.MESH)]
        self._key = key("landmarks", file=pack.file_digest(self.source), face=self.wanted, networks=networks)
        found = self._cache.get("landmarks", self._key)
        return None if found is None else Found.unpacked(found)

    def keep(self, found: Found, cost_s: float) -> None:
        if self._cache.on:
            self._cache.put("landmarks", self._key, found.packed(), cost_s)

    def in_picture(self, whole: Picture) -> Found:
        """Look for the face, with care."""
        started = time.thread_time()
        _check_sides(whole, self.source)
        detector = FaceDetector(self.job)
        seen = detector.find(whole)
        if not seen:
            _refuse_lying(detector, whole, self.source)
        face = tracking.choose(seen, self.wanted, str(self.source))
        _check_size(face.size, self.source)
        if tracking.is_turned_away(face):
            raise _turned_away(face, self.source)
        if detector.is_upside_down(whole, face):
            raise _not_upright(self.source)
        picture, corner, scale = framed(whole, face.box)
        x0, y0, x1, y1 = ((np.array(face.box) - (*corner, *corner)) * scale).tolist()
        points = ((face.points - corner) * scale).astype(np.float32)
        moved = dataclasses.replace(face, points=points, box=(x0, y0, x1, y1))
        found = Found(detector.refined(picture, moved).points[None], box=face.box)
        if not _shows_the_mouth(found.points[0], picture):
            raise _no_mouth(self.source)
        self.keep(found, time.thread_time() - started)
        return found

    def in_video(self) -> Tracked:
        """Begin to follow the face from frame to frame."""
        return Tracked(self)


class Tracked:
    """The search through a video: `add` every frame, then `finish`."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._detector = FaceDetector(search.job)
        self._tracker = tracking.FaceTracker(self._detector, search.wanted, str(search.source))
        self._faces: list[Face | None] = []
        self._best: tuple[Nv12, Face] | None = None
        self._quality, self._reference = -math.inf, 0
        self._spent_s = 0.0

    def add(self, frame: Nv12) -> None:
        started = time.thread_time()
        face = self._tracker.next(_bgr_for_detection(frame))
        if face is not None and (quality := _quality(face, frame.y)) > self._quality:
            self._best, self._quality, self._reference = (frame, face), quality, len(self._faces)
        self._faces.append(face)
        self._spent_s += time.thread_time() - started

    def finish(self, scale: float) -> tuple[Found, Nv12]:
        """What the search came to, and the frame to go by; `scale` is that of the frames to the file's."""
        source = self._search.source
        seen = [face for face in self._faces if face is not None]
        if not seen:
            raise tracking.no_face(str(source))
        _check_size(float(np.median([face.size for face in seen])) / scale, source)
        if self._best is None:
            raise _turned_away(seen[0], source)
        frame, face = self._best
        if self._detector.is_upside_down(yuv.picture(*frame), face):
            raise _not_upright(source)
        if not _shows_the_mouth(face.points, frame.y):
            raise _no_mouth(source)
        found = Found(tracking.smoothed(tracking.filled(_table(self._faces))), self._reference)
        self._search.keep(found, self._spent_s)
        return found, frame


def framed(picture: Picture, box: Box) -> tuple[Picture, tuple[int, int], float]:
    """The picture as a pack keeps it, its corner in the whole, and its scale.

    It has at most `MAX_FRAME_SIDE`, and both sides are even.

    Where scaling the whole down would leave too little of a small face, its surroundings are cut out instead.
    """
    limit = settings.MAX_FRAME_SIDE
    x0, y0, x1, y1 = box
    left = top = 0
    if max(x1 - x0, y1 - y0) * limit / max(picture.shape) < settings.MIN_FACE_PIXELS:
        height, width = picture.shape[:2]
        left = int(np.clip((x0 + x1) / 2 - limit / 2, 0, max(0, width - limit)))
        top = int(np.clip((y0 + y1) / 2 - limit / 2, 0, max(0, height - limit)))
        picture = picture[top : top + limit, left : left + limit]
    scale = min(1.0, limit / max(picture.shape))
    picture = images.fitted(picture)
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width]), (left, top), scale


def _bgr_for_detection(frame: Nv12) -> Picture:
    """Quick BGR; the networks do not mind that OpenCV takes the matrix for BT.601."""
    return np.asarray(cv2.cvtColorTwoPlane(frame.y, frame.uv, cv2.COLOR_YUV2BGR_NV12), dtype=np.uint8)


def _quality(face: Face, picture: NDArray[np.uint8]) -> float:
    """How well a frame serves as the reference: seen from the front, all of the mouth, open so that teeth show."""
    if tracking.is_turned_away(face):
        return -math.inf
    frontal = math.cos(math.radians(face.yaw)) * math.cos(math.radians(face.pitch))
    upper, lower = (landmarks.group(face.points, f"lips_{lip}_inner") for lip in ("upper", "lower"))
    opening, width = math.dist(lower[5], upper[5]), math.dist(upper[-1], upper[0])
    quality = frontal + 0.5 * min(opening / (_WIDE_OPEN * width + 1e-6), 1.0)
    return quality if _shows_the_mouth(face.points, picture) else quality - _CUT_MOUTH


def _shows_the_mouth(points: landmarks.Points, picture: NDArray[np.uint8]) -> bool:
    """Whether the lips lie in the picture [H, W, ...]: the networks place them beyond its edge, too."""
    lips = np.concatenate([landmarks.group(points, f"lips_{lip}_outer") for lip in ("upper", "lower")])
    margin = _LIP_MARGIN * FaceFrame.of(points).mouth
    height, width = picture.shape[:2]
    return bool((lips >= margin).all() and (lips <= np.array([width, height]) - margin).all())


def _table(faces: list[Face | None]) -> NDArray[np.float32]:
    table = np.full((len(faces), landmarks.POINT_COUNT, 2), np.nan, np.float32)
    for row, face in zip(table, faces, strict=True):
        if face is not None and not tracking.is_turned_away(face, _TURN_SLACK):
            row[:] = face.points
    return table


def _refuse_lying(detector: FaceDetector, picture: Picture, source: Path) -> None:
    """Raise the better-informed error when a face shows once the picture is turned."""
    small = images.fitted(picture, 1024)
    for quarter_turns in (1, 2, 3):
        if detector.find_near(np.ascontiguousarray(np.rot90(small, quarter_turns)), None):
            raise _not_upright(source)


def _not_upright(source: Path) -> InputError:
    return InputError(f"the face in {source} is not upright", hint="rotate the picture and try again")


def _check_sides(picture: Picture, source: Path) -> None:
    """Refuse what no face fits into: of a strip of millions of pixels the search would make as many tiles."""
    height, width = picture.shape[:2]
    if min(width, height) < settings.MIN_FACE_PIXELS:
        raise InputError(
            f"{source} is too small for a face: {width} x {height} pixels, at least {settings.MIN_FACE_PIXELS} "
            "each way are needed",
            hint="use a picture of higher resolution or taken from nearer",
        )


def _check_size(size: float, source: Path) -> None:
    if size < settings.MIN_FACE_PIXELS:
        raise InputError(
            f"the face in {source} is too small: {size:.0f} pixels, at least {settings.MIN_FACE_PIXELS} are needed",
            hint="use a picture of higher resolution or taken from nearer",
        )


def _no_mouth(source: Path) -> InputError:
    return InputError(
        f"the mouth in {source} is cut by the picture's edge, or outside it",
        hint="use a picture that shows all of the face, down to the chin",
    )


def _turned_away(face: Face, source: Path) -> InputError:
    return InputError(
        f"the face in {source} is turned too far: {abs(face.yaw):.0f}° sideways, {abs(face.pitch):.0f}° up or down, "
        f"{abs(face.roll):.0f}° tilted",
        hint="use a picture in which the person looks into the camera",
    )
