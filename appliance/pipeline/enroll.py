"""Enrolment: a portrait or a template video becomes an avatar pack.

Which of the two it is, the content decides, not the name. Refused with an `InputError` that says what to do: no face;
a face under `MIN_FACE_PIXELS` from forehead to chin in the file as given; a face turned too far; a mouth that the edge
cuts; several faces of similar size; whatever `images` and `video` refuse. A refusal or a cancellation leaves nothing
behind.

Where the face is in a file that was taken once, the cache knows: it is not looked for again.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline import face_search, images, pack, yuv
from appliance.pipeline.cached import JobCache
from appliance.pipeline.face_search import Search
from appliance.pipeline.fragments import NO_SPACE
from appliance.pipeline.images import Picture
from appliance.pipeline.nv12 import Nv12
from appliance.pipeline.pack import AvatarPack, Manifest
from appliance.pipeline.progress import Job
from appliance.pipeline.template import FrameWriter
from appliance.pipeline.video import VideoSource


def enroll(
    source: Path,
    name: str,
    avatars: Path,
    *,
    face: int | None = None,
    replace: bool = False,
    job: Job | None = None,
    cache: JobCache | None = None,
) -> AvatarPack:
    """Make the pack `avatars/name` from a picture or video file.

    `face` picks one of several faces, counted from the left from 1. An existing avatar is kept unless `replace`.
    Progress is reported in the stages "decode", "landmarks" and "pack".
    """
    pack.check_name(name)
    target = avatars / name
    if target.exists() and not replace:
        raise InputError(f"there is an avatar {name} already", hint="choose another name, or add --replace")
    return _build(name, target, Search(source, face, job or Job(), cache or JobCache()), replacing=replace)


def pack_for(
    source: Path,
    packs: Path,
    *,
    face: int | None = None,
    job: Job | None = None,
    cache: JobCache | None = None,
) -> AvatarPack:
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
    return _build(source.stem, target, Search(source, face, job or Job(), cache or JobCache()), replacing=False)


def _build(name: str, target: Path, search: Search, *, replacing: bool) -> AvatarPack:
    images.check_readable(search.source)
    enrol = _portrait if images.is_picture(search.source) else _template
    return build(target, lambda folder: enrol(name, folder, search), replacing=replacing)


def build(target: Path, fill: Callable[[Path], None], *, replacing: bool) -> AvatarPack:
    """The pack at `target`, of what `fill` puts into a folder; errors name the place that cannot be written."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with pack.new_pack(target, replacing=replacing) as folder:
            fill(folder)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY) and target.exists():
            return AvatarPack.load(target)  # somebody else was faster with the same
        if error.errno in NO_SPACE:
            raise UnhealthyError(
                f"no space left for the avatar in {target.parent}", hint="remove avatars or outputs that are not needed"
            ) from error
        raise InputError(
            f"the avatar cannot be written to {target.parent}: {error.strerror or error}",
            hint="choose a folder that exists and is writable",
        ) from error
    return AvatarPack.load(target, verify=False)


def _portrait(name: str, folder: Path, search: Search) -> None:
    job = search.job
    job.step("decode", 0, 1)
    whole = images.load_picture(search.source)
    job.step("decode", 1, 1)
    found = search.known()
    if found is None:
        found = search.in_picture(whole)
    picture = face_search.framed(whole, found.box)[0]
    job.step("landmarks", 1, 1)
    height, width = picture.shape[:2]
    _finish(folder, Manifest(name, "portrait", width, height), picture, found.points, job)


def _template(name: str, folder: Path, search: Search) -> None:
    job = search.job
    job.step("decode", 0, 1)
    found = search.known()
    tracked = search.in_video() if found is None else None
    picture: Nv12 | None = None
    with VideoSource(search.source) as video:
        job.step("decode", 1, 1)
        with FrameWriter(folder / pack.FRAMES, video.width, video.height, video.rate) as writer:
            for index, frame in enumerate(video.frames()):
                writer.write(frame)
                if tracked is not None:
                    tracked.add(frame)
                elif found is not None and index == found.reference:
                    picture = frame
                job.step("landmarks", index + 1, max(video.expected_frames, index + 1))
    if tracked is not None:
        found, picture = tracked.finish(video.scale)
    assert found is not None  # noqa: S101  now or before
    assert picture is not None  # noqa: S101  the same file has the same frames
    manifest = Manifest(
        name,
        "template",
        video.width,
        video.height,
        frames=writer.count,
        fps=float(video.rate),
        reference_frame=found.reference,
    )
    _finish(folder, manifest, yuv.picture(*picture), found.points, job)


def _finish(folder: Path, manifest: Manifest, picture: Picture, points: NDArray[np.float32], job: Job) -> None:
    from appliance.pipeline.rig import build_rig

    job.step("pack", 0, 1)
    rig = build_rig(picture, points[manifest.reference_frame])
    pack.seal(folder, manifest, picture, points, rig)
    job.step("pack", 1, 1)
