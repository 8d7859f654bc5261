"""An avatar's mouth points moved by a person: the pack is made again around them, from itself.

The points are those of `mouth_points`. They add up: each adjustment starts from the landmarks as they were found and
all that was moved so far, so that dragging a point back undoes it without a trace, and giving all of "detected" in
`mouth.json` is a reset. In a template the displacement, relative to the face, is applied to every frame.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from appliance.errors import InputError
from appliance.pipeline import enroll, mouth_points, pack
from appliance.pipeline.face_frame import FaceFrame
from appliance.pipeline.mouth_points import Named
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.progress import Job
from appliance.volumes import Volumes

STAGE = "pack"


def adjust(avatar: AvatarPack, points: Named, volumes: Volumes, job: Job) -> AvatarPack:
    """Replace an enrolled avatar by itself with the given points moved; a refusal leaves it as it is.

    `InputError` for points that make no mouth, and for an avatar that is not one of `data/avatars`.
    """
    from appliance.pipeline.rig import build_rig

    manifest = avatar.manifest
    target = volumes.avatars / manifest.name
    if avatar.path != target:
        raise InputError(
            f"the points of the avatar {manifest.name} cannot be moved", hint="enrol a picture or a video under a name"
        )
    job.step(STAGE, 0, 1)
    detected = avatar.detected()
    reference = np.array(detected[manifest.reference_frame])
    size = (manifest.width, manifest.height)
    moved = mouth_points.merged(avatar.moved(), points, reference, size=size)
    moves = mouth_points.displacement(reference, moved)
    changed = np.array(detected)
    if moved:
        frame = FaceFrame.of(reference)
        for number, face in enumerate(changed):
            if not np.isnan(face).any():
                face += mouth_points.in_frame(moves, frame, FaceFrame.of(face))
                job.step(STAGE, 0.5 * number / len(changed), 1)
    picture = avatar.picture()
    rig = build_rig(picture, changed[manifest.reference_frame])
    job.step(STAGE, 0.9, 1)

    def fill(folder: Path) -> None:
        if manifest.kind == "template":
            os.link(avatar.path / pack.FRAMES, folder / pack.FRAMES)
        pack.seal(folder, manifest, picture, changed, rig, detected=detected, moved=moved)
        job.step(STAGE, 1, 1)

    return enroll.build(target, fill, replacing=True)
