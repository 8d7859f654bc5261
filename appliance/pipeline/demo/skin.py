"""Skin: head, neck and ears, modelled as a height field in studio light.

The head's height is a swollen face contour plus one Gaussian swelling or hollow for each form that an anatomy
for artists names; its slopes give the normals. Light is a wrapped Lambert key from the upper left, a cool rim
from the right and ambient occlusion from the height above its own blur; the sum picks a colour from a ramp.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from appliance.pipeline.demo.anatomy import CHIN, CROWN, FACE, FACE_RIGHT
from appliance.pipeline.demo.canvas import Canvas, Image, Patch, blurred, colour
from appliance.pipeline.demo.curves import MIDLINE, SIDES, disc, on_side, ribbon, scatter, smooth

_RAMP: Final = (
    (0.00, "6b3327"), (0.22, "9a5440"), (0.42, "c67f5f"), (0.60, "e0a280"), (0.76, "efbd9b"), (0.90, "f9d6b9"),
    (1.05, "ffeedb"),
)  # fmt: skip
_KEY: Final = np.array([-0.42, -0.50, 0.76])

# Swellings (+) and hollows (-) of the face: x off the midline (mirrored unless 0), y, their spreads, height.
_FORMS: Final = (
    (52, 290, 60, 44, 7.0),  # frontal eminences
    (0, 352, 26, 14, 2.0),  # glabella
    (80, 338, 40, 11, 3.6),  # brow ridge
    (62, 380, 22, 20, -9.0),  # eye socket, inner
    (100, 388, 34, 20, -5.0),  # eye socket, outer
    (150, 345, 24, 40, -6.0),  # temple
    (100, 448, 42, 30, 9.0),  # cheekbone
    (78, 500, 30, 30, 5.0),  # cheek
    (108, 545, 26, 30, -2.5),  # cheek hollow
    (0, 548, 52, 34, 11.0),  # dental arch
    (66, 552, 10, 12, -3.2),  # modiolus, where the smile tucks in
    (0, 600, 32, 9, -3.4),  # mentolabial fold
    (0, 628, 34, 17, 9.0),  # chin
    (0, 523, 4.2, 13, -1.8),  # philtrum
    (9, 524, 3.8, 12, 0.9),  # philtral columns
)


def _bump(x: Image, y: Image, cx: float, cy: float, sx: float, sy: float) -> Image:
    bump: Image = np.exp(-0.5 * (((x - cx) / sx) ** 2 + ((y - cy) / sy) ** 2), dtype=np.float32)
    return bump


def _head_height(x: Image, y: Image) -> Image:
    """Height of the head towards the viewer, in design units, at x [1, w], y [h, 1]."""
    # The swell ends a little outside the contour, so that the slopes on it stay finite.
    half_width = 1.03 * np.interp(y, 380 + 1.045 * (FACE_RIGHT[:, 1] - 380), FACE_RIGHT[:, 0] - MIDLINE)
    across = np.clip(np.abs(x - MIDLINE) / np.maximum(half_width, 1), 0, 0.995)
    middle, reach = (CROWN + CHIN) / 2 + 25, (CHIN - CROWN) / 2 + 12
    down = np.clip(np.abs(y - middle) / reach, 0, 0.995)
    height = 165 * np.sqrt(1 - across**2.5) * (1 - down**4.5) ** 0.45
    for dx, cy, sx, sy, rise in _FORMS:
        for side in SIDES if dx else (1,):
            height = height + rise * _bump(x, y, MIDLINE + side * dx, cy, sx, sy)
    for side in SIDES:  # the eyeball under its lids
        height = height + 6 * _bump(x, y, MIDLINE + side * 77, 384, 26, 17)
    head: Image = (height + _nose_height(x, y)).astype(np.float32)
    return head


def _nose_height(x: Image, y: Image) -> Image:
    profile = smooth(
        [(330, 0), (352, 1.5), (372, 5), (395, 10.5), (430, 20), (465, 30), (482, 34), (494, 28), (504, 12), (524, 0)]
    )
    width = smooth([(330, 30), (365, 18), (395, 14), (430, 16), (465, 20), (490, 22), (524, 20)])
    beneath = y + 3.5 - 8 * _bump(x, y, MIDLINE, 498, 9, 60)  # the tip hangs lower than the wings
    nose = np.interp(beneath, profile[:, 0], profile[:, 1]) * np.exp(
        -0.5 * ((x - MIDLINE) / np.interp(y, width[:, 0], width[:, 1])) ** 2
    )
    nose = nose + 6 * _bump(x, y, MIDLINE, 485, 11, 10)
    for side in SIDES:
        nose = nose + 12 * _bump(x, y, MIDLINE + side * 25, 494, 9, 9)
    rise: Image = nose.astype(np.float32)
    return rise


def _ramp(value: Image) -> Image:
    stops = [stop for stop, _ in _RAMP]
    tones = np.stack([colour(code) for _, code in _RAMP])
    return np.stack([np.interp(value, stops, tones[:, channel]) for channel in range(3)], axis=-1).astype(np.float32)


def _lit(canvas: Canvas, height: Image, *, smoothing: float = 2.0) -> tuple[Image, Image]:
    """Light 0..1 and the sheen of skin on a height field; `smoothing` is a blur in units."""
    height = blurred(height.astype(np.float32), max(0.3, smoothing * canvas.unit))
    slope_y, slope_x = np.gradient(height, 1 / canvas.unit)
    normal = np.stack([-slope_x, -slope_y, np.ones_like(height)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    key = _KEY / np.linalg.norm(_KEY)
    facing = normal @ key.astype(np.float32)
    half = key + np.array([0, 0, 1.0])
    sheen = np.clip(normal @ (half / np.linalg.norm(half)).astype(np.float32), 0, 1) ** 26
    light = 0.14 + 0.74 * np.clip((facing + 0.35) / 1.35, 0, 1)
    fill = np.clip(normal @ np.array([0.85, -0.05, 0.5], np.float32), 0, 1)
    return light + 0.10 * fill, sheen


def _occlusion(canvas: Canvas, height: Image, sigma: float) -> Image:
    small = cv2.resize(height, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    around = blurred(small.astype(np.float32), max(0.3, sigma * canvas.unit / 4))
    around = cv2.resize(around, height.shape[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)
    hollow: Image = np.clip(around - height, 0, None)
    return hollow


def paint_head(canvas: Canvas) -> None:
    """The bare face, without eyes, brows and lips."""
    rows, columns, x, y = canvas.grid(300, 90, 700, 672)
    height = _head_height(x, y)
    light, sheen = _lit(canvas, height)
    light = light - 0.018 * _occlusion(canvas, height, 16)
    skin = _ramp(light)
    skin += (0.09 * sheen * (0.4 + _bump(x, y, 500, 420, 130, 120)))[..., None] * colour("fff2e6")
    mask = canvas.patch(FACE, soft=0.5)
    whole = canvas.whole(mask)
    canvas.lay(Patch(rows, columns, whole[rows, columns]), skin)
    for side in SIDES:
        canvas.glow((MIDLINE + side * 106, 470), (46, 32), "e0604f", 0.19, within=whole)
        canvas.glow((MIDLINE + side * 84, 388), (44, 26), "a8503f", 0.20, within=whole)
        fold = smooth(on_side([(538, 500), (551, 513), (564, 529), (571, 541)], side))
        canvas.fill(ribbon(fold, [1, 6, 5, 0]), "a8573f", 0.20, soft=3.5, within=whole)
    canvas.glow((500, 490), (24, 15), "e0604c", 0.18, within=whole)
    canvas.glow((500, 632), (30, 16), "e57a62", 0.10, within=whole)
    _paint_nose(canvas)
    _paint_freckles(canvas)
    fold = smooth([(466, 593), (482, 598), (500, 599.5), (518, 598), (534, 593)])
    canvas.fill(ribbon(fold, [0, 7, 9, 7, 0]), "a35643", 0.36, soft=4.5, within=whole)


def _paint_nose(canvas: Canvas) -> None:
    canvas.glow((503, 512), (24, 6), "9a4f3d", 0.38)
    wing = smooth([(517, 505), (524, 507.5), (531, 505), (535.5, 498), (535, 490), (531, 484)])
    rim = [(507.5, 504.5), (511, 500.6), (517.5, 500), (522.5, 502.6), (521.5, 505), (515, 505.6)]
    nostril = smooth(rim, closed=True)
    for side in SIDES:
        canvas.fill(ribbon(on_side(wing, side), [0.2, 2.4, 3.0, 2.2, 1.0, 0.0]), "8a4434", 0.34, soft=1.8)
        canvas.fill(on_side(nostril, side), "4d1f19", 0.80, soft=1.1)
    canvas.glow((495.5, 481), (5.5, 5.5), "fff6ec", 0.42)
    canvas.glow((496, 440), (5, 26), "fff1e2", 0.10)


def _paint_freckles(canvas: Canvas) -> None:
    """A dusting over nose and cheeks, so that the skin does not look like plastic."""
    for layer, opacity in ((0, 0.06), (1, 0.10)):
        spots = []
        for i in range(40):
            reach = scatter(i, 3 * layer) ** 0.8
            place = (MIDLINE + (-1) ** i * 118 * reach, 438 + 46 * scatter(i, 3 * layer + 1) + 14 * reach)
            spots.append(disc(place, 0.7 + 0.9 * scatter(i, 3 * layer + 2)))
        canvas.fill(spots, "8a4630", opacity, soft=0.6)


def paint_ears(canvas: Canvas) -> None:
    """Ears; their tops go under the hair."""
    rim = [
        (668, 372), (682, 362), (697, 366), (703, 384), (700, 410), (694, 436), (688, 458), (680, 482), (670, 494),
        (662, 486), (660, 440),
    ]  # fmt: skip
    for side in SIDES:
        shape = smooth(on_side(rim, side), closed=True)
        ear = canvas.whole(canvas.patch(shape, soft=0.6))
        canvas.fill(shape, "eab391" if side < 0 else "d18b69", soft=0.6)
        bowl = smooth(on_side([(676, 384), (688, 382), (691, 400), (687, 424), (680, 446)], side))
        canvas.fill(ribbon(bowl, [3, 8, 9, 7, 3]), "a8553f", 0.55, soft=2.5, within=ear)
        behind_cheek = smooth(on_side([(664, 380), (666, 420), (662, 490)], side))
        canvas.fill(ribbon(behind_cheek, [9, 13, 13]), "94473a", 0.6, soft=4, within=ear)
        helix = smooth(on_side([(684, 368), (697, 374), (698, 400), (692, 434)], side))
        canvas.fill(ribbon(helix, [1.5, 4, 3.5, 1]), "ffd9bd", 0.4, soft=1.6, within=ear)
        canvas.glow((MIDLINE + side * 180, 484), (10, 12), "dd6a55", 0.25, within=ear)


def paint_neck(canvas: Canvas) -> None:
    """Neck and chest, with the shadow that the head throws on them."""
    edge = smooth([(583, 560), (581, 640), (583, 690), (592, 730), (622, 764), (690, 792), (780, 830), (800, 1010)])
    body = np.concatenate([edge, on_side(edge, -1)[::-1]])
    rows, columns, x, y = canvas.grid(190, 540, 810, 1000)
    half_width = np.interp(y, [540, 690, 740, 800, 1000], [84, 86, 104, 200, 330]).astype(np.float32)
    height = 95 * np.sqrt(1 - np.clip(np.abs(x - MIDLINE) / half_width, 0, 0.985) ** 2.2)
    for side in SIDES:
        tendon = np.interp(y, [600, 800], [72, 14])
        strength = np.interp(y, [660, 740, 780, 812], [0, 1, 1, 0])
        height = height + 4.5 * np.exp(-0.5 * ((x - MIDLINE - side * tendon) / 11) ** 2) * strength
        height = height + 6 * _bump(x, y, MIDLINE + side * 78, 820, 50, 9)
    height = height - 5 * _bump(x, y, MIDLINE, 806, 13, 14)
    light, _ = _lit(canvas, height, smoothing=5)
    neck = canvas.whole(canvas.patch(body, soft=0.6))
    canvas.lay(Patch(rows, columns, neck[rows, columns]), _ramp(light - 0.09))
    cast = [(404, 560), (598, 560), (604, 640), (598, 706), (562, 738), (515, 744), (468, 716), (430, 672), (408, 630)]
    canvas.fill(smooth(cast, closed=True), "7c3a2c", 0.50, soft=16, within=neck)
    canvas.glow((504, 660), (62, 26), "5e2a22", 0.42, within=neck)
    canvas.glow((500, 860), (80, 50), "e0705a", 0.10, within=neck)
