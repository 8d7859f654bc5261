"""A portrait made ready for painting: everything that does not depend on the sound.

`build_rig` turns a picture and its landmarks into named arrays, which an avatar pack stores as they are; `Rig`
is the same with names and types. Boxes are (left, top, right, bottom) in even pixels.

    y, uv            the picture's NV12 planes
    step             distance between the nodes of the warp's grids, pixels (even)
    skin_box, skin_basis   where the head can move, and [modes, gh, gw, 2] displacements at its nodes
    low_box, low_basis     the same for the layer of the lower lip and the chin
    alpha_low        [h, w] uint8 over low_box: where the picture is lower lip or below
    mouth_box, alpha_skin  [h, w] uint8: where it is not the inside of the mouth
    upper, lower, tongue   the plates of `interior` over mouth_box, float16; cavity [3], a colour
    opening          left, right, top, bottom of the shut mouth's seam, local pixels
    frame            origin, ex, ey [6], unit, mouth
    eyeN_box, eyeN_y, eyeN_uv      blink patches

A node (i, j) of a grid lies at the middle of a cell of `step` pixels; one ring of cells lies outside the box, so that
enlarging the grid linearly is exact up to the box's edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import head, modes, yuv
from appliance.pipeline.eyelids import Eye, eyes
from appliance.pipeline.face_frame import Box, FaceFrame, Floats, pixel_centres, smoothstep
from appliance.pipeline.interior import Interior, interior
from appliance.pipeline.landmarks import Points, group
from appliance.pipeline.lips import Mouth

_NODES_PER_UNIT = 14

Opening = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Rig:
    """The arrays of the module's docstring, typed."""

    y: yuv.Plane
    uv: yuv.Plane
    frame: FaceFrame
    step: int
    skin_box: Box
    skin_basis: Floats
    low_box: Box
    low_basis: Floats
    alpha_low: yuv.Plane
    mouth_box: Box
    alpha_skin: yuv.Plane
    interior: Interior
    opening: Opening
    eyes: list[Eye]

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Rig:
        def box(name: str) -> Box:
            left, top, right, bottom = (int(v) for v in arrays[name])
            return left, top, right, bottom

        left, right, top, bottom = (float(v) for v in arrays["opening"])

        numbers = arrays["frame"].astype(np.float32)
        plates = {name: arrays[name].astype(np.float32) for name in ("upper", "lower", "tongue", "cavity")}
        count = sum(name.startswith("eye") and name.endswith("_box") for name in arrays)
        return cls(
            y=arrays["y"],
            uv=arrays["uv"],
            frame=FaceFrame(numbers[0:2], numbers[2:4], numbers[4:6], float(numbers[6]), float(numbers[7])),
            step=int(arrays["step"]),
            skin_box=box("skin_box"),
            skin_basis=arrays["skin_basis"],
            low_box=box("low_box"),
            low_basis=arrays["low_basis"],
            alpha_low=arrays["alpha_low"],
            mouth_box=box("mouth_box"),
            alpha_skin=arrays["alpha_skin"],
            interior=Interior(**plates),
            opening=(left, right, top, bottom),
            eyes=[Eye(box(f"eye{i}_box"), arrays[f"eye{i}_y"], arrays[f"eye{i}_uv"]) for i in range(count)],
        )


def build_rig(picture: NDArray[np.uint8], points: Points) -> dict[str, NDArray[Any]]:
    """The arrays of a picture [H, W, 3] BGR; an odd last row or column is left out."""
    height, width = (side // 2 * 2 for side in picture.shape[:2])
    picture = np.ascontiguousarray(picture[:height, :width])
    y, uv = yuv.planes(picture)
    frame = FaceFrame.of(points)
    mouth = Mouth.of(points, frame).snapped(y, frame)
    step = grid_step(frame, _NODES_PER_UNIT)

    skin_box = on_grid(_head_extent(points, frame), step, width, height)
    low_box = on_grid(low_extent(points, frame, mouth), step, skin_box[2], skin_box[3])
    mouth_box = on_grid(mouth_extent(frame, mouth), 2, width, height)
    skin_basis, low_basis = _bases(points, frame, mouth, skin_box, low_box, step)
    alpha_low, _ = masks(frame, mouth, low_box)
    _, alpha_skin = masks(frame, mouth, mouth_box)
    plates = interior(picture, points, frame, mouth, mouth_box)

    arrays: dict[str, NDArray[Any]] = {
        "y": y,
        "uv": uv,
        "step": np.array(step, np.int32),
        "skin_box": np.array(skin_box, np.int32),
        "skin_basis": skin_basis,
        "low_box": np.array(low_box, np.int32),
        "low_basis": low_basis,
        "alpha_low": alpha_low,
        "opening": np.array(seam_box(mouth), np.float32),
        "mouth_box": np.array(mouth_box, np.int32),
        "alpha_skin": alpha_skin,
        "frame": np.array([*frame.origin, *frame.ex, *frame.ey, frame.unit, frame.mouth], np.float32),
    }
    for name in ("upper", "lower", "tongue", "cavity"):
        arrays[name] = getattr(plates, name).astype(np.float16)
    for i, eye in enumerate(eyes(picture, points, frame)):
        arrays |= {f"eye{i}_box": np.array(eye.box, np.int32), f"eye{i}_y": eye.y, f"eye{i}_uv": eye.uv}
    return arrays


def grid_step(frame: FaceFrame, nodes_per_unit: int) -> int:
    """An even number of pixels between nodes."""
    return max(4, round(frame.unit / nodes_per_unit / 2) * 2)


def nodes(box: Box, step: int) -> Floats:
    """Where a grid's nodes lie [gh, gw, 2], with one ring outside the box."""
    left, top, right, bottom = box
    x = np.arange(left - step, right + step, step, dtype=np.float32) + step / 2
    y = np.arange(top - step, bottom + step, step, dtype=np.float32) + step / 2
    return np.stack(np.meshgrid(x, y), -1)


def masks(frame: FaceFrame, mouth: Mouth, box: Box) -> tuple[yuv.Plane, yuv.Plane]:
    """Where `box` is lower lip or below, and where it is not the inside of the mouth: [h, w] uint8 each."""
    local = frame.local(pixel_centres(box))
    x, y, w = local[..., 0], local[..., 1], frame.mouth
    left, right = mouth.corner
    beyond = np.maximum(np.maximum(left - x, x - right), 0) / w
    gap = modes.inset(mouth, frame) * modes.inset_profile(x, mouth)
    lower = np.interp(x, mouth.lower_inner[:, 0], mouth.lower_inner[:, 1]) + gap
    upper = np.interp(x, mouth.upper_inner[:, 0], mouth.upper_inner[:, 1]) - gap
    sharp = max(0.75, 0.008 * w)
    # Beyond the corners the two layers move alike; a wide edge hides what little they differ.
    soft = (sharp + 0.35 * beyond * w).astype(np.float32)
    low = smoothstep(-1.0, 1.0, ((y - lower) / soft).astype(np.float32))
    skin = np.maximum(1 - smoothstep(-1.0, 1.0, ((y - upper) / sharp).astype(np.float32)), smoothstep(0, 0.02, beyond))
    return _bytes(low), _bytes(skin)


def low_extent(points: Points, frame: FaceFrame, mouth: Mouth) -> Floats:
    """Corners [4, 2] (pixels) of the region that the lower layer paints."""
    chin = float(frame.local(group(points, "chin"))[0, 1])
    top = float(mouth.upper_outer[:, 1].min()) - 0.12 * frame.mouth
    bottom = chin + 0.34 * frame.unit
    half = 0.9 * frame.mouth
    return _corners(frame, -half, top, half, bottom)


def mouth_extent(frame: FaceFrame, mouth: Mouth) -> Floats:
    """Corners [4, 2] (pixels) of the region in which the inside of the mouth can show."""
    top = float(mouth.upper_inner[:, 1].min()) - 0.22 * frame.mouth
    bottom = float(mouth.lower_inner[:, 1].max()) + (modes.FULL_GAP * 1.6 + 0.1) * frame.mouth
    half = 0.75 * frame.mouth
    return _corners(frame, -half, top, half, bottom)


def _low_window(box: Box, places: Floats) -> Floats:
    """1 inside the lower layer's box, 0 at its sides and bottom, where it must move as the skin does."""
    left, top, right, bottom = box
    width, height = right - left, bottom - top
    near_side = np.minimum(places[..., 0] - left, right - places[..., 0]) / width
    near_bottom = (bottom - places[..., 1]) / height
    return smoothstep(0.02, 0.2, near_side) * smoothstep(0.02, 0.25, near_bottom)


def _bytes(share: Floats) -> yuv.Plane:
    return np.asarray(share * 255 + 0.5, np.uint8)


def _head_extent(points: Points, frame: FaceFrame) -> Floats:
    centre, radius = head.ellipse(points, frame)
    chin = float(frame.local(group(points, "chin"))[0, 1])
    low, high = centre - head.EDGE * radius, centre + head.EDGE * radius
    high[1] = max(high[1], chin + 0.7 * frame.unit)
    return _corners(frame, float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def face_extent(points: Points, frame: FaceFrame) -> Floats:
    """Corners [4, 2] (pixels) of the region that speech moves: from the nose to the neck."""
    u = frame.unit
    bottom = float(frame.local(group(points, "chin"))[0, 1]) + 0.68 * u
    return _corners(frame, -1.55 * u, -0.45 * u, 1.55 * u, bottom)


def _corners(frame: FaceFrame, left: float, top: float, right: float, bottom: float) -> Floats:
    return frame.pixels(np.array([[left, top], [right, top], [left, bottom], [right, bottom]], np.float32))


def seam_box(mouth: Mouth) -> Opening:
    """Where a shut mouth would open: left, right, top, bottom in local pixels."""
    left, right = mouth.corner
    return left, right, float(mouth.upper_inner[:, 1].min()), float(mouth.lower_inner[:, 1].max())


def on_grid(corners: Floats, step: int, width: int, height: int) -> Box:
    """The bounding box, grown to multiples of `step` from its own left top, inside the picture."""
    low = np.maximum(np.floor(corners.min(0) / 2) * 2, 0)
    high = np.minimum(corners.max(0), [width, height])
    cells = np.ceil((high - low) / step)
    room = np.floor((np.array([width, height]) - low) / step)
    right, bottom = low + np.minimum(cells, room) * step
    return int(low[0]), int(low[1]), int(right), int(bottom)


def _bases(
    points: Points, frame: FaceFrame, mouth: Mouth, skin_box: Box, low_box: Box, step: int
) -> tuple[Floats, Floats]:
    layers = modes.layers(points, frame, mouth)
    skin_places, low_places = nodes(skin_box, step), nodes(low_box, step)
    skin, low = local_fields(layers, points, frame, mouth, (skin_places, low_places), low_box)
    skin = np.concatenate([skin, head.field(points, frame, skin_places)])
    low = np.concatenate([low, head.field(points, frame, low_places)])
    skin *= edge_window(skin_box, skin_places)[..., None]
    low *= edge_window(skin_box, low_places)[..., None]
    return skin.astype(np.float32), low.astype(np.float32)


def local_fields(
    layers: modes.Layers,
    points: Points,
    frame: FaceFrame,
    mouth: Mouth,
    places: tuple[Floats, Floats],
    low_box: Box,
) -> tuple[Floats, Floats]:
    """The skin's modes at its nodes, and the lower layer's at its own: [modes, gh, gw, 2] each."""
    skin_places, low_places = places
    skin = modes.field(layers.skin, points, frame, skin_places)
    around = modes.field(layers.skin, points, frame, low_places)
    own = modes.field(layers.low, points, frame, _below_seam(low_places, frame, mouth))
    return skin, around + (own - around) * _low_window(low_box, low_places)[..., None]


def _below_seam(places: Floats, frame: FaceFrame, mouth: Mouth) -> Floats:
    """Places above the lower lip moved down to its edge: there the layer shows nothing, and must only be tame."""
    local = frame.local(places)
    edge = np.interp(local[..., 0], mouth.lower_inner[:, 0], mouth.lower_inner[:, 1])
    local[..., 1] = np.maximum(local[..., 1], edge - 0.02 * frame.mouth)
    return frame.pixels(local)


def edge_window(box: Box, places: Floats) -> Floats:
    """0 at the box's edge: what is outside never moves."""
    left, top, right, bottom = box
    away = np.minimum(
        np.minimum(places[..., 0] - left, right - places[..., 0]),
        np.minimum(places[..., 1] - top, bottom - places[..., 1]),
    )
    reach = 0.06 * min(right - left, bottom - top)
    return smoothstep(0, reach, away.astype(np.float32))
