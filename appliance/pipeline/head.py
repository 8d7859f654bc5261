"""Where the head is, and how it moves as a whole.

Its motion fades out over the hair and a little of the background, and down the neck; lengths as in `modes`.
"""

from __future__ import annotations

import numpy as np

from appliance.pipeline.face_frame import FaceFrame, Floats, smoothstep
from appliance.pipeline.landmarks import Points, group

NECK = 1.1
"""Where the head turns about, below the mouth, as a share of `FaceFrame.unit`."""

EDGE = 1.14
"""Where the head's motion has died out, in radii of the ellipse around the head."""


def field(points: Points, frame: FaceFrame, places: Floats) -> Floats:
    """HEAD_X, HEAD_Y and ROLL at `places` [..., 2], fading to nothing outside the head -> [3, ..., 2] pixels."""
    share = weight(points, frame, places)[..., None]
    across = np.broadcast_to(frame.ex * frame.unit, places.shape)
    down = np.broadcast_to(frame.ey * frame.unit, places.shape)
    arm = places - frame.pixels(np.array([0.0, NECK * frame.unit], np.float32))
    around = np.stack([-arm[..., 1], arm[..., 0]], -1)
    return np.stack([across, down, around]).astype(np.float32) * share


def weight(points: Points, frame: FaceFrame, places: Floats) -> Floats:
    """1 on the head with its hair, 0 well outside; the edge is soft so that a background bends unseen."""
    centre, radius = ellipse(points, frame)
    distance = np.linalg.norm((frame.local(places) - centre) / radius, axis=-1)
    return 1 - smoothstep(0.74, EDGE, distance.astype(np.float32))


def ellipse(points: Points, frame: FaceFrame) -> tuple[Floats, Floats]:
    """Centre and radii [2] (local) of an ellipse around the head with its hair."""
    oval = frame.local(group(points, "oval"))
    low, high = oval.min(0), oval.max(0)
    height = high[1] - low[1]
    top = low[1] - 0.38 * height
    radius = np.array([0.58 * (high[0] - low[0]), (high[1] - top) / 2], np.float32)
    return np.array([(low[0] + high[0]) / 2, (top + high[1]) / 2], np.float32), radius
