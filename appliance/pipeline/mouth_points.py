"""The points of the mouth that a person can see and drag, by name, and how a face follows them.

There are seventeen: the outer and the inner edge of the lips, eight each, clockwise from the corner that is on the
picture's left, and the chin. As everywhere, "right" is the subject's right, which is left in the picture.

What a person moves is exactly where it was put. The rest of the lips follows: points near a moved one go with it as a
thin plate bends (`face_frame.thin_plate`), points farther away stay. The chin takes the jaw with it. All else stays.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.errors import InputError
from appliance.pipeline.face_frame import FaceFrame, thin_plate
from appliance.pipeline.landmarks import GROUPS, Points, group

Named = dict[str, list[float]]
"""Name -> [x, y] in pixels of the picture."""

_PLACES: Final = {
    "corner_right": ("upper", 0),
    "upper_right": ("upper", 3),
    "upper": ("upper", 5),
    "upper_left": ("upper", 7),
    "corner_left": ("upper", 10),
    "lower_left": ("lower", 7),
    "lower": ("lower", 5),
    "lower_right": ("lower", 3),
}
INDEX: Final[dict[str, int]] = {
    f"{edge}_{name}": int(GROUPS[f"lips_{lip}_{edge}"][station])
    for edge in ("outer", "inner")
    for name, (lip, station) in _PLACES.items()
} | {"chin": int(GROUPS["chin"][0])}
"""Name -> place in the table of landmarks."""

_CHAINS: Final = ("lips_upper_outer", "lips_upper_inner", "lips_lower_inner", "lips_lower_outer")
_LIPS: Final = np.unique(np.concatenate([GROUPS[name] for name in _CHAINS]))
_STILL: Final = np.unique(
    np.concatenate([GROUPS[name] for name in ("nose_base", "nose_tip", "cheeks", "cheekbones", "nose_bridge")])
)
_JAW_ENDS: Final = 3
"""So many points of the jaw, below each ear, stay where they are when the chin is moved."""
_NEAR: Final = 0.22
"""Points within this share of the mouth's width follow a moved one."""
_FARTHEST: Final = 0.5
"""Nobody means to move a point farther than this share of the way from the eyes to the mouth."""
_SLACK: Final = 0.03
"""Edges may cross by this share of the mouth's width: those of closed lips do, as they are found."""
_SAME: Final = 0.06
"""Pixels by which a point that somebody has read and given back may differ."""


def named(points: Points) -> Named:
    """The seventeen of a face."""
    return {name: [round(float(value), 2) for value in points[place]] for name, place in INDEX.items()}


def merged(moved: Named, given: Named, detected: Points, *, size: tuple[int, int]) -> Named:
    """All that a person has moved after `given`: what is given back where it was found is free again.

    `InputError` for a point of no known name, outside the picture of `size` (width, height), or too far away.
    """
    frame = FaceFrame.of(detected)
    result = dict(moved)
    for name, place in given.items():
        if name not in INDEX:
            raise InputError(f"there is no point {name!r} in a mouth", hint=f"points are {', '.join(INDEX)}")
        where = np.asarray(place, np.float64)
        if where.shape != (2,) or not ((where >= 0) & (where <= size)).all():
            raise InputError(
                f"the point {name} is outside the picture: {place}",
                hint=f"give [x, y] within {size[0]} x {size[1]} pixels",
            )
        away = float(np.linalg.norm(where - detected[INDEX[name]]))
        if away > _FARTHEST * frame.unit:
            raise InputError(
                f"the point {name} is {away:.0f} pixels from where it was found",
                hint=f"move it by at most {_FARTHEST * frame.unit:.0f}, or enrol a better picture",
            )
        result[name] = where.tolist()
        if np.abs(where - detected[INDEX[name]]).max() <= _SAME:
            del result[name]
    return result


def displacement(detected: Points, moved: Named) -> NDArray[np.float32]:
    """How far each landmark [K, 2] goes, pixels, when the points `moved` are put where they say.

    `InputError` if that would turn the lips inside out.
    """
    result = np.zeros_like(detected)
    if not moved:
        return result
    frame = FaceFrame.of(detected)
    places = np.array([INDEX[name] for name in moved])
    moves = np.array(list(moved.values()), np.float32) - detected[places]

    fixed = [_STILL, *(GROUPS["jaw"][part] for part in (slice(None, _JAW_ENDS), slice(-_JAW_ENDS, None)))]
    follows = [] if moved.keys() <= {"chin"} else [_LIPS]
    if "chin" in moved:
        follows += [GROUPS["jaw"][_JAW_ENDS:-_JAW_ENDS], GROUPS["chin_crease"]]
    else:
        fixed.append(GROUPS["jaw"])
    handles = np.array([place for name, place in INDEX.items() if name not in moved])
    away = np.linalg.norm(detected[handles][:, None] - detected[places][None], axis=2).min(1)
    fixed.append(handles[away > _NEAR * frame.mouth])
    still = np.setdiff1d(np.concatenate(fixed), places)

    centres = np.concatenate([places, still])
    values = np.concatenate([moves, np.zeros((len(still), 2), np.float32)])
    following = np.concatenate(follows)
    result[following] = thin_plate(detected[centres], values, detected[following])
    result[still] = 0
    result[places] = moves
    _check(detected, detected + result, frame)
    return result


def in_frame(moves: NDArray[np.float32], frame: FaceFrame, other: FaceFrame) -> NDArray[np.float32]:
    """Displacements [K, 2] of a face as those of the same face seen as `other`: turned and scaled with it."""
    local = np.stack([moves @ frame.ex, moves @ frame.ey], axis=-1) / frame.unit
    return np.asarray(other.turned(local * other.unit), np.float32)


def _check(before: Points, after: Points, frame: FaceFrame) -> None:
    """Raise `InputError` where chains run backwards or edges cross, unless they did as they were found."""
    faults = _crossings(after, frame) - _crossings(before, frame)
    if faults:
        raise InputError(
            f"the points would turn the mouth inside out: {', '.join(sorted(faults))}",
            hint="keep their order: the upper lip above the lower, the inner edges between the outer ones",
        )


def _crossings(points: Points, frame: FaceFrame) -> set[str]:
    chains = [frame.local(group(points, name)) for name in _CHAINS]
    slack = _SLACK * frame.mouth
    words = ("upper lip", "opening", "lower lip")
    found = {
        f"{name.replace('_', ' ')} runs backwards"
        for name, chain in zip(_CHAINS, chains, strict=True)
        if (np.diff(chain[:, 0]) <= 0).any()
    }
    for word, above, below in zip(words, chains, chains[1:], strict=False):
        edge = np.interp(above[:, 0], below[:, 0], below[:, 1])
        if (above[:, 1] > edge + slack).any():
            found.add(f"the edges of the {word} cross")
    return found
