"""One face through a template video: landmarks [F, K, 2] in full-frame pixels, NaN where there is no face.

Each frame's landmarks tell where to look in the next; when the face is lost, the detector looks for it again. The
whole track is then smoothed without lag: a point moves to the middle of the parabola that best fits its nine frames
around (Savitzky and Golay, 1964), as far as that is within the noise of where it is. A parabola follows any steady
motion and its acceleration, so a pan is not held back; at a cut or when the lips snap shut it is far off, so those
stay sharp.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline.faces import Face, FaceDetector
from appliance.pipeline.images import Picture

Track = NDArray[np.float32]

SEARCH_EVERY: Final = 12
"""Frames between two thorough searches while there is no face."""
_SIMILAR: Final = 0.6
"""Two faces whose sizes differ by less than this ratio are a question for the user."""
_MAX_YAW, _MAX_PITCH, _MAX_ROLL = 40.0, 40.0, 45.0
_JUMP: Final = 0.06
"""Movement of a face between two frames, as a share of its size, from which it may be another face."""
_LONGEST_GAP: Final = 3
"""Frames that are filled in when the face was missed between two sightings."""
_WINDOWS: Final = (9, 5)
"""Frames that the parabola is fitted to; the shorter one beside a gap."""
_NOISE: Final = 0.004
"""Spread of a landmark about its true place, as a share of the face's size."""


def choose(faces: list[Face], wanted: int | None, source: str) -> Face:
    """The face to animate: number `wanted`, from the left and from 1, or the only one of its size."""
    if not faces:
        raise no_face(source)
    if wanted is not None:
        if not 1 <= wanted <= len(faces):
            raise InputError(
                f"there is no face {wanted} in {source}: {len(faces)} found",
                hint=f"count from the left; --face takes 1 to {len(faces)}",
            )
        return faces[wanted - 1]
    largest = max(faces, key=lambda face: face.size)
    similar = [n for n, face in enumerate(faces, 1) if face.size >= _SIMILAR * largest.size]
    if len(similar) > 1:
        places = ", ".join(f"{n} at x={(faces[n - 1].box[0] + faces[n - 1].box[2]) / 2:.0f}" for n in similar)
        raise InputError(
            f"{len(similar)} faces of similar size in {source} (from the left: {places})",
            hint=f"choose one, e.g. --face {similar[0]}, or crop the picture",
        )
    return largest


def no_face(source: str) -> InputError:
    return InputError(
        f"no face found in {source}",
        hint="use a picture in which one person looks into the camera, upright, well lit and not covered",
    )


def is_turned_away(face: Face, slack: float = 0.0) -> bool:
    """Whether too much of the mouth is out of sight to animate it; `slack` in degrees widens the limits."""
    turns = (abs(face.yaw) - _MAX_YAW, abs(face.pitch) - _MAX_PITCH, abs(face.roll) - _MAX_ROLL)
    return max(turns) > slack


class FaceTracker:
    """Follows the chosen face from frame to frame."""

    def __init__(self, detector: FaceDetector, wanted: int | None, source: str) -> None:
        self._detector = detector
        self._wanted, self._source = wanted, source
        self._last: Face | None = None
        self._lost_for = 0

    def next(self, picture: Picture) -> Face | None:
        """The face in the next frame, or None. `InputError` when it is not clear which of several is meant."""
        face = self._seek(picture) if self._last is None else self._keep(picture, self._last)
        self._lost_for = 0 if face is not None else self._lost_for + 1
        self._last = face or self._last
        return face

    def _seek(self, picture: Picture) -> Face | None:
        """Look for the first sight of a face."""
        if self._lost_for % SEARCH_EVERY and self._detector.find_near(picture, None) is None:
            return None
        faces = self._detector.find(picture)
        return choose(faces, self._wanted, self._source) if faces else None

    def _keep(self, picture: Picture, last: Face) -> Face | None:
        """Find the face that was there before."""
        followed = None if self._lost_for else self._detector.follow(picture, last)
        if followed is not None and _moved(last, followed) < _JUMP:
            return followed
        # After a cut the mesh fits itself to a part of whatever face is there now: look anew.
        if face := self._detector.find_near(picture, last) or followed:
            return face
        if self._lost_for % SEARCH_EVERY == SEARCH_EVERY - 1:
            return max(self._detector.find(picture), key=lambda face: face.size, default=None)
        return None


def filled(track: Track) -> Track:
    """The track with short gaps between two near sightings of the face bridged by straight lines."""
    seen = np.flatnonzero(~np.isnan(track[:, 0, 0]))
    result = track.copy()
    for before, after in itertools.pairwise(seen):
        moved = np.abs(track[after] - track[before]).mean()
        if 1 < after - before <= _LONGEST_GAP + 1 and moved < 0.25 * _sizes(track[before : before + 1])[0]:
            shares = np.linspace(0, 1, after - before + 1, dtype=np.float32)[:, None, None]
            result[before : after + 1] = track[before] * (1 - shares) + track[after] * shares
    return result


def smoothed(track: Track) -> Track:
    """The track without the detector's jitter, and without lag."""
    fitted = track.copy()
    for window in sorted(_WINDOWS):
        if len(track) >= window:
            half = window // 2
            kernel = np.linalg.pinv(np.vander(np.arange(-half, half + 1), 3))[2]
            around = np.lib.stride_tricks.sliding_window_view(track, window, axis=0) @ kernel
            inner = fitted[half : len(track) - half]
            np.copyto(inner, around.astype(np.float32), where=~np.isnan(around))
    distance = np.linalg.norm(fitted - track, axis=2) / (_NOISE * _sizes(track)[:, None])
    return np.asarray(track + np.exp(-0.5 * distance**2)[:, :, None] * (fitted - track), dtype=np.float32)


def _moved(before: Face, after: Face) -> float:
    return float(np.abs(after.points - before.points).mean() / before.size)


def _sizes(track: Track) -> NDArray[np.float32]:
    """The longer side of the face in every frame; NaN where there is none."""
    return np.asarray((track.max(axis=1) - track.min(axis=1)).max(axis=1), dtype=np.float32)
