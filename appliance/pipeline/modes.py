"""How a face moves: control points and, for each mode of motion, where they go.

Every mode is a displacement of the control points for a coefficient of 1; a frame's motion is the sum of modes
times coefficients. Two sets of control points make two layers that part along the mouth's seam: *skin* carries
the upper lip and all of the rest of the face, *low* carries the lower lip with the chin. Both agree on the
jaw and on everything farther away. Lengths are shares of `FaceFrame.mouth` (lips, jaw) or `FaceFrame.unit` (brows),
chosen by eye on contact sheets against photographs of speakers.

Modes: SEAL closes the mouth that the picture shows (coefficient 1 always; nothing for a closed mouth but the
inset); OPEN parts the lips with a flat-topped curve and OPEN_ROUND with an elliptic one, both by 1 = the widest
gap; WIDE spreads the corners; ROUND draws them in and pushes the lips out; PRESS thins sealed lips; TUCK puts the
lower lip under the upper teeth (f, v); CHEEK lifts the cheeks; BROW raises the brows; HEAD_X and HEAD_Y move the `head`
by its unit, ROLL turns it by a radian.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from appliance.pipeline.face_frame import FaceFrame, Floats, smoothstep, thin_plate
from appliance.pipeline.landmarks import Points, group
from appliance.pipeline.lips import Mouth


class Mode(IntEnum):
    SEAL = 0
    OPEN = 1
    OPEN_ROUND = 2
    WIDE = 3
    ROUND = 4
    PRESS = 5
    TUCK = 6
    CHEEK = 7
    BROW = 8
    HEAD_X = 9
    HEAD_Y = 10
    ROLL = 11


FULL_GAP = 0.42
"""Height of the fully open mouth, as a share of `FaceFrame.mouth`."""

REACH: Final = np.array([1] * 9 + [0.03, 0.06, 0.018], np.float32)
"""How large the coefficients of the modes get, but for gains that somebody asks for."""

_LOCAL_MODES = 9
_UPPER_SHARE = 0.14
LOWER_SHARE = 1 - _UPPER_SHARE
_SEAL_UPPER = 0.4
_CHIN_DROP = 0.78
_ZERO_GROUPS = (
    "right_eye_upper",
    "right_eye_lower",
    "left_eye_upper",
    "left_eye_lower",
    "nose_bridge",
    "nose_tip",
    "cheekbones",
)


@dataclass(frozen=True, slots=True)
class Layers:
    """Control points [K, 2] (local) and displacements [K, modes * 2] (local) of the two layers."""

    skin: tuple[Floats, Floats]
    low: tuple[Floats, Floats]


def inset(mouth: Mouth, frame: FaceFrame) -> float:
    """How far inside the lip its mask begins: no tooth's edge may ride on a lip."""
    return (0.014 if mouth.is_open else 0.005) * frame.mouth


def inset_profile(x: Floats, mouth: Mouth) -> Floats:
    """The share of the inset at `x` (local): none in the corners, where the lips never part."""
    left, right = mouth.corner
    t = np.clip((x - left) / (right - left) * 2 - 1, -1, 1)
    return np.asarray(np.power(1 - t * t, 0.4), np.float32)


def layers(points: Points, frame: FaceFrame, mouth: Mouth) -> Layers:
    """The control points of a face and their displacements in every local mode."""
    shared = [_jaw(points, frame, mouth), _cheeks(points, frame), _brows(points, frame), _anchors(points, frame)]
    upper, lower = _lips(mouth, frame)
    crease = _chin_crease(points, frame, mouth)
    return Layers(skin=_stack([*upper, *shared]), low=_stack([*lower, crease, *shared]))


def summed(layer: tuple[Floats, Floats], coefficients: Floats) -> tuple[Floats, Floats]:
    """A layer with its local modes added up to a single one."""
    centres, moves = layer
    local = moves.reshape(len(centres), _LOCAL_MODES, 2)
    return centres, np.einsum("kmi,m->ki", local, coefficients[:_LOCAL_MODES])


def field(layer: tuple[Floats, Floats], points: Points, frame: FaceFrame, places: Floats) -> Floats:
    """A layer's modes at `places` [..., 2] (pixels of the picture) -> [modes, ..., 2] pixels of the picture."""
    centres, moves = layer
    local = frame.local(places.reshape(-1, 2))
    values = thin_plate(centres, moves, local).reshape(len(local), -1, 2)
    turned = frame.turned(values * _window(points, frame, local)[:, None, None]).transpose(1, 0, 2)
    return turned.reshape(-1, *places.shape)


def _window(points: Points, frame: FaceFrame, local: Floats) -> Floats:
    """1 on the face, 0 beyond the ring of anchors, where the spline means nothing."""
    chin = frame.local(group(points, "chin"))[0, 1]
    brow = frame.local(group(points, "right_brow_upper"))[:, 1].min()
    u = frame.unit
    sides = 1 - smoothstep(0.9 * u, 1.3 * u, np.abs(local[:, 0]))
    below = 1 - smoothstep(chin + 0.3 * u, chin + 0.65 * u, local[:, 1])
    above = smoothstep(brow - 0.7 * u, brow - 0.25 * u, local[:, 1])
    return np.asarray(sides * below * above)


def _stack(parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    places = np.concatenate([part[0] for part in parts]).astype(np.float32)
    moves = np.concatenate([part[1].reshape(len(part[0]), -1) for part in parts]).astype(np.float32)
    # Chains share their corners; a spline wants each place once.
    _, first = np.unique(places.round(2), axis=0, return_index=True)
    first.sort()
    return places[first], moves[first]


def _still(places: Floats) -> Floats:
    return np.zeros((len(places), _LOCAL_MODES, 2), np.float32)


def _station(places: Floats, chain: Floats) -> Floats:
    """-1 at a chain's right corner, 1 at its left one."""
    left, right = chain[0, 0], chain[-1, 0]
    return np.asarray(np.clip((places[:, 0] - left) / (right - left) * 2 - 1, -1, 1))


def _flat(t: Floats) -> Floats:
    """The profile of a relaxed opening, 1 in the middle and 0 in the corners."""
    return np.asarray(np.power(1 - t * t, 0.74))


def _corners(places: Floats, t: Floats, frame: FaceFrame) -> Floats:
    """What both lips do alike [n, modes, 2]: the corners are drawn in, spread and lowered."""
    moves, w = _still(places), frame.mouth
    moves[:, Mode.OPEN, 0] = -0.045 * w * t
    moves[:, Mode.OPEN, 1] = 0.085 * w * t * t
    moves[:, Mode.OPEN_ROUND, 0] = -0.03 * w * t
    moves[:, Mode.OPEN_ROUND, 1] = 0.08 * w * t * t
    moves[:, Mode.WIDE, 0] = 0.075 * w * t
    moves[:, Mode.WIDE, 1] = -0.02 * w * t * t
    moves[:, Mode.ROUND, 0] = -0.14 * w * t
    return moves


def _lip(
    inner: Floats,
    outer: Floats,
    frame: FaceFrame,
    *,
    seal: Floats,
    opening: float,
    shape: dict[Mode, tuple[float, float]],
) -> list[tuple[Floats, Floats]]:
    """The two chains of a lip.

    `seal` [11] closes it; `opening` is its whole way in the middle when the mouth opens fully, downwards; `shape` gives
    for each other mode how far the inner and the outer chain move in the middle, as shares of the mouth's width.
    """
    parts = []
    for chain, place in ((inner, 0), (outer, 1)):
        t = _station(chain, chain)
        moves = _corners(chain, _station(chain, outer), frame)
        moves[:, Mode.SEAL, 1] = seal * (1.0, 0.85)[place]
        moves[:, Mode.OPEN, 1] += opening * _flat(t)
        moves[:, Mode.OPEN_ROUND, 1] += opening * np.power(1 - t * t, 0.52)
        for mode, middle in shape.items():
            moves[:, mode, 1] += middle[place] * frame.mouth * _flat(t)
        parts.append((chain, moves))
    return parts


def _lips(mouth: Mouth, frame: FaceFrame) -> tuple[list[tuple[Floats, Floats]], list[tuple[Floats, Floats]]]:
    """Both lips' chains with their modes."""
    gap = inset(mouth, frame) * inset_profile(mouth.upper_inner[:, 0], mouth)
    full = FULL_GAP * frame.mouth
    upper = _lip(
        mouth.upper_inner,
        mouth.upper_outer,
        frame,
        seal=_SEAL_UPPER * mouth.gap + gap,
        opening=-_UPPER_SHARE * full,
        shape={
            Mode.ROUND: (-0.005, -0.045),
            Mode.WIDE: (0.0, 0.012),
            Mode.PRESS: (0.004, 0.03),
            Mode.TUCK: (-0.05, -0.04),
        },
    )
    lower = _lip(
        mouth.lower_inner,
        mouth.lower_outer,
        frame,
        seal=-(1 - _SEAL_UPPER) * mouth.gap - 1.2 * gap,
        opening=LOWER_SHARE * full,
        shape={
            Mode.ROUND: (0.005, 0.05),
            Mode.WIDE: (0.0, -0.01),
            Mode.PRESS: (-0.004, -0.04),
            Mode.TUCK: (-0.025, -0.06),
        },
    )
    # A seam that dips with the upper lip's tubercle leaves a kink in the lower lip, which irons out as it opens.
    x, seam = mouth.lower_inner[:, 0], mouth.lower_inner[:, 1]
    kink = seam - np.polynomial.Polynomial.fit(x, seam, 2)(x).astype(np.float32)
    for (_, moves), share in zip(lower, (1.2, 0.6), strict=True):
        moves[:, Mode.OPEN, 1] -= share * kink
        moves[:, Mode.OPEN_ROUND, 1] -= share * kink
    return upper, lower


def _drop(amount: Floats, frame: FaceFrame, mouth: Mouth) -> Floats:
    """Modes of a point that follows the jaw by `amount` [n] of the lower lip's drop."""
    moves = np.zeros((len(amount), _LOCAL_MODES, 2), np.float32)
    full = LOWER_SHARE * FULL_GAP * frame.mouth
    moves[:, Mode.OPEN, 1] = amount * full
    moves[:, Mode.OPEN_ROUND, 1] = 0.9 * amount * full
    moves[:, Mode.SEAL, 1] = -0.5 * amount * (1 - _SEAL_UPPER) * mouth.gap.max()
    return moves


def _chin_crease(points: Points, frame: FaceFrame, mouth: Mouth) -> tuple[Floats, Floats]:
    places = frame.local(group(points, "chin_crease"))
    moves = _drop(np.full(1, 0.9, np.float32), frame, mouth)
    moves[:, Mode.TUCK, 1] = -0.03 * frame.mouth
    moves[:, Mode.PRESS, 1] = -0.02 * frame.mouth
    return places, moves


def _jaw(points: Points, frame: FaceFrame, mouth: Mouth) -> tuple[Floats, Floats]:
    places = frame.local(group(points, "jaw"))
    # The chin drops most; towards the ears the jaw only turns.
    along = np.linspace(-1, 1, len(places), dtype=np.float32)
    moves = _drop(_CHIN_DROP * np.power(1 - along * along, 1.2), frame, mouth)
    moves[:, Mode.OPEN, 0] = -0.05 * frame.mouth * along * (1 - along * along) * 2
    return places, moves


def _cheeks(points: Points, frame: FaceFrame) -> tuple[Floats, Floats]:
    places = frame.local(group(points, "cheeks"))
    moves, side, w = _still(places), np.sign(places[:, 0]), frame.mouth
    moves[:, Mode.OPEN, 1] = 0.03 * w
    moves[:, Mode.OPEN, 0] = -0.025 * w * side
    moves[:, Mode.OPEN_ROUND] = moves[:, Mode.OPEN]
    moves[:, Mode.ROUND, 0] = -0.045 * w * side
    moves[:, Mode.WIDE, 0] = 0.03 * w * side
    moves[:, Mode.CHEEK, 0] = 0.015 * w * side
    moves[:, Mode.CHEEK, 1] = -0.04 * w
    return places, moves


def _brows(points: Points, frame: FaceFrame) -> tuple[Floats, Floats]:
    places = np.concatenate(
        [frame.local(group(points, f"{side}_brow_{edge}")) for side in ("right", "left") for edge in ("upper", "lower")]
    )
    moves = _still(places)
    moves[:, Mode.BROW, 1] = -0.09 * frame.unit
    return places, moves


def _anchors(points: Points, frame: FaceFrame) -> tuple[Floats, Floats]:
    """What stays: eyes, nose, the upper face's edge, and a ring on the neck and shoulders."""
    oval = frame.local(group(points, "oval"))
    upper = oval[oval[:, 1] < -0.2 * frame.unit]
    chin = frame.local(group(points, "chin"))[0]
    angles = np.linspace(-0.15, np.pi + 0.15, 13)
    ring = np.stack([1.75 * np.cos(angles) * frame.unit, chin[1] + 0.75 * np.sin(angles) * frame.unit], -1)
    ring[:, 1] -= 0.1 * frame.unit
    still = [frame.local(group(points, name)) for name in (*_ZERO_GROUPS, "nose_base")]
    places = np.concatenate([*still, upper, ring.astype(np.float32)])
    return places, _still(places)
