"""Enrolment: a portrait or a template video becomes an avatar pack.

Which of the two it is, the content decides, not the name. Refused with an `InputError` that says what to do: no face;
a face under `MIN_FACE_PIXELS` from forehead to chin in the file as given; a face turned too far; several faces of
similar size; whatever `images` and `video` refuse. A refusal or a cancellation leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance import settings
from appliance.errors import InputError, UnhealthyError
from appliance.pipeline import images, landmarks, pack, tracking, yuv
from appliance.pipeline.faces import Face, FaceDetector
from appliance.pipeline.images import Picture
from appliance.pipeline.nv12 import Nv12
from appliance.pipeline.pack import AvatarPack, Manifest
from appliance.pipeline.progress import Job
from appliance.pipeline.template import FrameWriter
from appliance.pipeline.video import VideoSource

_TURN_SLACK: Final = 15.0
"""Degrees beyond the limit at which a single frame of a template counts as one without a face."""
_WIDE_OPEN: Final = 0.3
"""Height over width of an open mouth that shows all it can."""
_SPACE: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def enroll(
    source: Path,
    name: str,
    avatars: Path,
    *,
    face: int | None = None,
    replace: bool = False,
    job: Job | None = None,
) -> AvatarPack:
    """Make the pack `avatars/name` from a picture or video file.

    `face` picks one of several faces, counted from the left from 1. An existing avatar is kept unless `replace`.
    Progress is reported in the stages "decode", "landmarks" and "pack".
    """
    pack.check_name(name)
    target = avatars / name
    if target.exists() and not replace:
        raise InputError(f"there is an avatar {name} already", hint="choose another name, or add --replace")
    return _build(source, name, target, face, job or Job(), replacing=replace)


def pack_for(source: Path, packs: Path, *, face: int | None = None, job: Job | None = None) -> AvatarPack:
    """The pack of a file that was never enrolled by name, made on first use and kept in `packs` under its content."""
    images.check_readable(source)
    key = hashlib.sha256(f"{pack.file_digest(source)} {pack.FORMAT_VERSION} {face}".encode()).hexdigest()
    target = packs / key
    if target.exists():
        try:
            found = AvatarPack.load(target)
        except InputError:
            pack.remove_pack(target)  # what is damaged is made again
        else:
            with contextlib.suppress(OSError):  # its age is the time since it was asked for
                os.utime(target)
            return found
    return _build(source, source.stem, target, face, job or Job(), replacing=False)


def _build(source: Path, name: str, target: Path, face: int | None, job: Job, *, replacing: bool) -> AvatarPack:
    images.check_readable(source)
    enrol = _portrait if images.is_picture(source) else _template
    return build(target, lambda folder: enrol(source, name, folder, face, job), replacing=replacing)


def build(target: Path, fill: Callable[[Path], None], *, replacing: bool) -> AvatarPack:
    """The pack at `target`, of what `fill` puts into a folder; errors name the place that cannot be written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with pack.new_pack(target, replacing=replacing) as folder:
            fill(folder)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY) and target.exists():
            return AvatarPack.load(target)  # somebody else was faster with the same
        if error.errno in _SPACE:
            raise UnhealthyError(
                f"no space left for the avatar in {target.parent}", hint="remove avatars or outputs that are not needed"
            ) from error
        raise InputError(
            f"the avatar cannot be written to {target.parent}: {error.strerror or error}",
            hint="choose a folder that exists and is writable",
        ) from error
    return AvatarPack.load(target, verify=False)


def _portrait(source: Path, name: str, folder: Path, wanted: int | None, job: Job) -> None:
    job.step("decode", 0, 1)
    whole = images.load_picture(source)
    job.step("decode", 1, 1)
    detector = FaceDetector(job)
    found = detector.find(whole)
    if not found:
        _refuse_lying(detector, whole, source)
    face = tracking.choose(found, wanted, str(source))
    _check_size(face.size, source)
    if tracking.is_turned_away(face):
        raise _turned_away(face, source)
    if detector.is_upside_down(whole, face):
        raise _not_upright(source)
    picture, face = _framed(whole, face)
    points = detector.refined(picture, face).points[None]
    job.step("landmarks", 1, 1)
    height, width = picture.shape[:2]
    _finish(folder, Manifest(name, "portrait", width, height), picture, points, job)


def _template(source: Path, name: str, folder: Path, wanted: int | None, job: Job) -> None:
    job.step("decode", 0, 1)
    detector = FaceDetector(job)
    tracker = tracking.FaceTracker(detector, wanted, str(source))
    faces: list[Face | None] = []
    best: tuple[Nv12, Face] | None = None
    best_quality, reference = -math.inf, 0
    with VideoSource(source) as video:
        job.step("decode", 1, 1)
        with FrameWriter(folder / pack.FRAMES, video.width, video.height, video.rate) as writer:
            for index, frame in enumerate(video.frames()):
                writer.write(frame)
                face = tracker.next(_bgr_for_detection(frame))
                faces.append(face)
                if face is not None and (quality := _quality(face)) > best_quality:
                    best, best_quality, reference = (frame, face), quality, index
                job.step("landmarks", index + 1, max(video.expected_frames, index + 1))
    seen = [face for face in faces if face is not None]
    if not seen:
        raise tracking.no_face(str(source))
    _check_size(float(np.median([face.size for face in seen])) / video.scale, source)
    if best is None:
        raise _turned_away(seen[0], source)
    picture = yuv.picture(*best[0])
    if detector.is_upside_down(picture, best[1]):
        raise _not_upright(source)
    points = tracking.smoothed(tracking.filled(_table(faces)))
    manifest = Manifest(
        name,
        "template",
        video.width,
        video.height,
        frames=writer.count,
        fps=float(video.rate),
        reference_frame=reference,
    )
    _finish(folder, manifest, picture, points, job)


def _finish(folder: Path, manifest: Manifest, picture: Picture, points: NDArray[np.float32], job: Job) -> None:
    from appliance.pipeline.rig import build_rig

    job.step("pack", 0, 1)
    rig = build_rig(picture, points[manifest.reference_frame])
    pack.seal(folder, manifest, picture, points, rig)
    job.step("pack", 1, 1)


def _framed(picture: Picture, face: Face) -> tuple[Picture, Face]:
    """The picture as the box keeps it, and the face in it: at most `MAX_FRAME_SIDE`, both sides even.

    Where scaling the whole down would leave too little of a small face, its surroundings are cut out instead.
    """
    limit = settings.MAX_FRAME_SIDE
    left = top = 0
    if face.size * limit / max(picture.shape) < settings.MIN_FACE_PIXELS:
        height, width = picture.shape[:2]
        x0, y0, x1, y1 = face.box
        left = int(np.clip((x0 + x1) / 2 - limit / 2, 0, max(0, width - limit)))
        top = int(np.clip((y0 + y1) / 2 - limit / 2, 0, max(0, height - limit)))
        picture = picture[top : top + limit, left : left + limit]
    scale = min(1.0, limit / max(picture.shape))
    picture = images.fitted(picture)
    points = (face.points - (left, top)) * scale
    x0, y0, x1, y1 = ((np.array(face.box) - (left, top, left, top)) * scale).tolist()
    moved = dataclasses.replace(face, points=points.astype(np.float32), box=(x0, y0, x1, y1))
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[:height, :width]), moved


def _bgr_for_detection(frame: Nv12) -> Picture:
    """Quick BGR; the networks do not mind that OpenCV takes the matrix for BT.601."""
    return np.asarray(cv2.cvtColorTwoPlane(frame.y, frame.uv, cv2.COLOR_YUV2BGR_NV12), dtype=np.uint8)


def _quality(face: Face) -> float:
    """How well a frame serves as the reference: seen from the front, mouth open so that teeth show."""
    if tracking.is_turned_away(face):
        return -math.inf
    frontal = math.cos(math.radians(face.yaw)) * math.cos(math.radians(face.pitch))
    upper, lower = (landmarks.group(face.points, f"lips_{lip}_inner") for lip in ("upper", "lower"))
    opening, width = math.dist(lower[5], upper[5]), math.dist(upper[-1], upper[0])
    return frontal + 0.5 * min(opening / (_WIDE_OPEN * width + 1e-6), 1.0)


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


def _check_size(size: float, source: Path) -> None:
    if size < settings.MIN_FACE_PIXELS:
        raise InputError(
            f"the face in {source} is too small: {size:.0f} pixels, at least {settings.MIN_FACE_PIXELS} are needed",
            hint="use a picture of higher resolution or taken from nearer",
        )


def _turned_away(face: Face, source: Path) -> InputError:
    return InputError(
        f"the face in {source} is turned too far: {abs(face.yaw):.0f}° sideways, {abs(face.pitch):.0f}° up or down, "
        f"{abs(face.roll):.0f}° tilted",
        hint="use a picture in which the person looks into the camera",
    )
