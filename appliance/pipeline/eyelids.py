"""Blinking: the eyes of a portrait at several stages of closing, made once.

The skin between the crease above the eye and the lid's edge is stretched down over the eye, lashes and all. A
stage is a patch of NV12 planes that replaces the same box of the background before it is warped, so that a blink
costs a copy and moves with the head.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import yuv
from appliance.pipeline.face_frame import NO_MAP, Box, FaceFrame, pixel_centres, smoothstep
from appliance.pipeline.landmarks import Points, group

STAGES = 6
"""Patches per eye, from open (0) to shut (STAGES - 1)."""


@dataclass(frozen=True, slots=True)
class Eye:
    """Patches `y` [STAGES, h, w] and `uv` [STAGES, h/2, w/2, 2] for one even box of the picture."""

    box: Box
    y: NDArray[np.uint8]
    uv: NDArray[np.uint8]


def eyes(picture: NDArray[np.uint8], points: Points, frame: FaceFrame) -> list[Eye]:
    """Both eyes; one that the picture shows shut already, or cuts off, is left out."""
    found = [_eye(picture, points, frame, side) for side in ("right", "left")]
    return [eye for eye in found if eye is not None]


def _eye(picture: NDArray[np.uint8], points: Points, frame: FaceFrame, side: str) -> Eye | None:
    upper = frame.local(group(points, f"{side}_eye_upper"))
    lower = frame.local(group(points, f"{side}_eye_lower"))
    brow = frame.local(group(points, f"{side}_brow_lower"))[:, 1].max()
    width = float(upper[-1, 0] - upper[0, 0])
    height = float((lower[:, 1] - upper[:, 1]).max())
    if height < 0.08 * width:
        return None
    crease = min(0.9 * height, 0.75 * float(upper[:, 1].min() - brow))
    if crease < 0.15 * height:
        crease = 0.4 * height
    corners = np.array([[upper[0, 0], upper[:, 1].min() - crease], [upper[-1, 0], lower[:, 1].max()]], np.float32)
    margin = np.array([0.15 * width, 0.5 * height], np.float32)
    outline = np.array([[x, y] for x in (0, 1) for y in (0, 1)])
    spread = corners + np.stack([-margin, margin])
    turned = frame.pixels(np.stack([spread[outline[:, 0], 0], spread[outline[:, 1], 1]], -1))
    low, high = np.floor(turned.min(0) / 2) * 2, np.ceil(turned.max(0) / 2) * 2
    box: Box = (int(low[0]), int(low[1]), int(high[0]), int(high[1]))
    if box[0] < 0 or box[1] < 0 or box[2] > picture.shape[1] or box[3] > picture.shape[0]:
        return None

    centres = pixel_centres(box)
    local = frame.local(centres)
    x, y = local[..., 0], local[..., 1]
    open_line = np.interp(x, upper[:, 0], upper[:, 1])
    shut_line = np.interp(x, lower[:, 0], lower[:, 1])
    travel = np.maximum(shut_line - open_line, 0) * ((x > upper[0, 0]) & (x < upper[-1, 0]))
    fold = crease * np.sqrt(np.clip(travel / height, 0, 1)) + 0.5
    lash = 0.03 * height
    rim = np.minimum(0.3 * height, 0.7 * fold)
    patches = []
    for stage in range(STAGES):
        lid = open_line + travel * stage / (STAGES - 1)
        top = open_line - fold
        # Look up the lid's edge with its lashes where it was, and the skin above it stretched from the crease on.
        stretched = top + (y - top) * (open_line - rim - top) / np.maximum(lid - rim - top, 1e-3)
        source_y = np.where(y > lid - rim, y - lid + open_line, np.where(y > top, stretched, y))
        source = frame.pixels(np.stack([x, source_y], -1)) - 0.5
        skin = cv2.remap(picture, source.astype(np.float32), NO_MAP, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        # What is stretched most is a streak of lashes; a lid is smooth. Above its crease the face stays sharp.
        smooth = cv2.GaussianBlur(skin, (0, 0), max(0.8, 0.16 * height), borderType=cv2.BORDER_REPLICATE)
        lid_share = smoothstep(0.0, 0.25 * height, lid - rim - y) * smoothstep(0.0, 0.25 * height, y - top)
        lid_share *= (travel > 0) * (stage / (STAGES - 1))
        skin = skin + lid_share[..., None] * (smooth.astype(np.float32) - skin)
        still = picture[box[1] : box[3], box[0] : box[2]]
        cover = (1 - smoothstep(-0.5, 1.0, (y - lid - lash * (travel > 0)).astype(np.float32))) * (travel > 0)
        cover = cv2.GaussianBlur(cover.astype(np.float32), (0, 0), max(0.6, 0.02 * height))
        if stage == 0:
            cover = np.zeros_like(cover)
        mixed = still + cover[..., None] * (skin.astype(np.float32) - still)
        patches.append(yuv.planes(np.clip(mixed + 0.5, 0, 255).astype(np.uint8)))
    return Eye(box, np.stack([p[0] for p in patches]), np.stack([p[1] for p in patches]))
