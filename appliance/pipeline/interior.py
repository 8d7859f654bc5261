"""What shows between the lips: cavity, upper teeth, lower teeth, tongue.

`Interior` holds them as plates in the pixels of one box of the picture around the mouth: `upper` (the teeth that
stay with the skull), `lower` (the teeth that go down with the jaw) and `tongue`, each BGRA float32 0..1 with
straight alpha, drawn where they lie when the mouth is shut; `cavity` is the colour behind them, BGR. A portrait that
shows its teeth gives its own; otherwise they are drawn, in the light of that picture's skin: teeth in a shaded mouth
are hardly brighter than the face's own highlights, and never grey.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.face_frame import Box, FaceFrame, Floats, pixel_centres, smoothstep
from appliance.pipeline.landmarks import Points, group
from appliance.pipeline.lips import Mouth

# Crown widths from the midline outwards, as seen from the front (lateral ones turn away).
_CROWNS = (0.095, 0.07, 0.066, 0.05, 0.04)
_TEETH_BELOW_LIP = 0.07
_LOWER_TEETH_ABOVE_LIP = 0.018


@dataclass(frozen=True, slots=True)
class Interior:
    """Plates [h, w, 4] over one box of the picture and the cavity's colour [3], float32 0..1."""

    upper: Floats
    lower: Floats
    tongue: Floats
    cavity: Floats


def interior(picture: NDArray[np.uint8], points: Points, frame: FaceFrame, mouth: Mouth, box: Box) -> Interior:
    """The plates of a face over `box`."""
    left, top, right, bottom = box
    local = frame.local(pixel_centres(box))
    light = _light(picture, points)
    upper = _drawn_upper_teeth(local, frame, mouth, light)
    if mouth.is_open:
        upper = _own_upper_teeth(picture[top:bottom, left:right], local, frame, mouth, upper)
    return Interior(
        upper=_blurred(upper, frame),
        lower=_blurred(_lower_teeth(local, frame, mouth, light), frame),
        tongue=_blurred(_tongue(local, frame, mouth, light), frame),
        cavity=_cavity(light),
    )


def _light(picture: NDArray[np.uint8], points: Points) -> Floats:
    """The colour of bright skin, BGR 0..1: how much light falls on this face, and its tint."""
    hull = cv2.convexHull(np.concatenate([group(points, "cheeks"), group(points, "nose_bridge")]).astype(np.int32))
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(mask, hull, 255)
    skin = picture[mask > 0].astype(np.float32) / 255
    bright = skin[skin.sum(1) >= np.percentile(skin.sum(1), 80)]
    return np.asarray(bright.mean(0), np.float32)


def _cavity(light: Floats) -> Floats:
    """Dark red, a little lighter in a bright picture."""
    return np.array([0.085, 0.07, 0.17], np.float32) * (0.45 + 0.55 * float(light.max()))


def _lip_line(local: Floats, chain: Floats) -> Floats:
    return np.asarray(np.interp(local[..., 0], chain[:, 0], chain[:, 1]), np.float32)


def _teeth_tint(light: Floats) -> Floats:
    """Ivory in this light: the skin's highlight with most of its red taken out."""
    level = min(0.95, 1.12 * float(light.max()))
    tint = np.array([0.86, 0.95, 1.0], np.float32)
    return np.asarray(level * (0.75 * tint + 0.25 * light / light.max()), np.float32)


def _warm(shade: Floats) -> Floats:
    """A shade as it falls inside a mouth: the light that is left is red."""
    return np.asarray(np.power(np.maximum(shade, 0)[..., None], np.array([1.35, 1.2, 0.95], np.float32)), np.float32)


def _drawn_upper_teeth(local: Floats, frame: FaceFrame, mouth: Mouth, light: Floats) -> Floats:
    w = frame.mouth
    middle = float(mouth.upper_inner[:, 0].mean())
    across = (local[..., 0] - middle) / w
    # The arch: a shallow smile curve that follows the seam only loosely.
    seam = float(np.interp(middle, mouth.upper_inner[:, 0], (mouth.upper_inner[:, 1] + mouth.lower_inner[:, 1]) / 2))
    bottom = seam + w * (_TEETH_BELOW_LIP - 0.22 * across * across)
    edges = np.concatenate([[0], np.cumsum(_CROWNS)])
    distance = np.abs(across)
    crown = np.clip(np.searchsorted(edges, distance, side="right") - 1, 0, len(_CROWNS) - 1)
    inner, outer = edges[crown], edges[crown + 1]
    place = (distance - inner) / (outer - inner) * 2 - 1
    scallop = np.array([0.0, 0.014, 0.004, 0.012, 0.02], np.float32)[crown] + 0.012 * np.abs(place) ** 3
    height = (bottom - scallop * w - local[..., 1]) / w
    alpha = smoothstep(-0.008, 0.010, height) * (1 - smoothstep(0.25, 0.33, distance))
    gap = 1 - 0.20 * np.exp(-(((1 - np.abs(place)) * (outer - inner) / 0.011) ** 2))
    roundness = 1 - 0.10 * np.abs(place) ** 2.5
    depth = 1 - 0.55 * smoothstep(0.02, 0.30, distance)
    gum = 1 - 0.25 * smoothstep(0.05, 0.22, height)
    edge = 1 - 0.10 * (1 - smoothstep(0.0, 0.03, height))
    shade = gap * roundness * depth * gum * edge
    colour = _teeth_tint(light) * _warm(shade)
    return np.concatenate([colour, alpha[..., None]], -1).astype(np.float32)


def _own_upper_teeth(patch: NDArray[np.uint8], local: Floats, frame: FaceFrame, mouth: Mouth, drawn: Floats) -> Floats:
    """The teeth that the picture shows, grown a little under the upper lip; the drawn ones where it shows none."""
    w = frame.mouth
    top, bottom = _lip_line(local, mouth.upper_inner), _lip_line(local, mouth.lower_inner)
    keep = 0.014 * w
    inside = (local[..., 1] > top + keep) & (local[..., 1] < bottom - keep)
    if inside.sum() < 0.004 * w * w:
        return drawn
    luma = patch.astype(np.float32) @ np.array([0.114, 0.587, 0.299], np.float32)
    bright = np.percentile(luma[inside], 90)
    red = patch[..., 2].astype(np.float32) - patch[..., 1]
    teeth = inside & (luma > 0.55 * bright) & (red < 0.28 * bright)
    teeth = cv2.morphologyEx(teeth.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)) > 0
    if teeth.sum() < 0.3 * inside.sum():
        return drawn
    own = _grown(patch.astype(np.float32) / 255, teeth, w)
    columns = teeth.any(0)
    # The lower edge of the teeth: where they end in the picture, or the lower lip that covers their ends.
    ends = np.where(columns, teeth.shape[0] - 1 - teeth[::-1].argmax(0), 0).astype(np.float32)
    known = np.flatnonzero(columns)
    ends = np.interp(np.arange(len(ends)), known, ends[known]).astype(np.float32)
    ends = cv2.GaussianBlur(ends.reshape(1, -1), (0, 0), sigmaX=max(1.0, 0.02 * w))[0]
    rows = np.arange(teeth.shape[0], dtype=np.float32)[:, None]
    soft = max(1.0, 0.008 * w)
    alpha = 1 - smoothstep(-soft, soft, rows - ends[None, :])
    reach = float(np.abs(local[..., 0][teeth]).max())
    alpha = alpha * (1 - smoothstep(reach - 0.02 * w, reach + 0.03 * w, np.abs(local[..., 0])))
    return np.concatenate([own, alpha[..., None]], -1).astype(np.float32)


def _grown(colour: Floats, known: NDArray[np.bool_], w: float) -> Floats:
    """Colours spread outwards from where they are known: normalised blurs, finest first."""
    grown = np.where(known[..., None], colour, 0).astype(np.float32)
    weight = known.astype(np.float32)
    result, have = grown.copy(), known.copy()
    for sigma in (0.01 * w, 0.03 * w, 0.08 * w, 0.25 * w):
        spread = cv2.GaussianBlur(weight, (0, 0), max(0.7, sigma))
        filled = cv2.GaussianBlur(grown, (0, 0), max(0.7, sigma)) / np.maximum(spread, 1e-6)[..., None]
        new = (spread > 0.02) & ~have
        result[new] = filled[new]
        have |= new
    result[~have] = result[have].mean(0)
    return result


def _from_seam(local: Floats, frame: FaceFrame, mouth: Mouth) -> tuple[Floats, Floats]:
    """Distance across from the middle of the mouth and down from the seam, as shares of its width."""
    middle = float(mouth.lower_inner[:, 0].mean())
    seam = float(np.interp(middle, mouth.lower_inner[:, 0], (mouth.upper_inner[:, 1] + mouth.lower_inner[:, 1]) / 2))
    return (local[..., 0] - middle) / frame.mouth, (local[..., 1] - seam) / frame.mouth


def _tongue(local: Floats, frame: FaceFrame, mouth: Mouth, light: Floats) -> Floats:
    """A flat dome with a shallow groove, lit from above."""
    across, down = _from_seam(local, frame, mouth)
    dome = -0.11 + 0.6 * across**2 + 0.012 * np.exp(-((across / 0.03) ** 2))
    alpha = smoothstep(0.0, 0.035, down - dome) * (1 - smoothstep(0.24, 0.34, np.abs(across)))
    lit = 0.55 + 0.45 * np.exp(-(((down - dome - 0.07) / 0.07) ** 2)) * np.exp(-((across / 0.22) ** 2))
    red = np.array([0.33, 0.30, 0.60], np.float32) * (0.4 + 0.6 * float(light.max()))
    return np.concatenate([red * lit[..., None], alpha[..., None]], -1).astype(np.float32)


def _lower_teeth(local: Floats, frame: FaceFrame, mouth: Mouth, light: Floats) -> Floats:
    """Small crowns of which only the edges ever clear the lower lip."""
    across, down = _from_seam(local, frame, mouth)
    top = -_LOWER_TEETH_ABOVE_LIP + 0.3 * across**2
    place = np.abs(np.mod(across / 0.056, 1) - 0.5) * 2
    alpha = smoothstep(-0.006, 0.012, down - top - 0.008 * place**4) * (1 - smoothstep(0.2, 0.27, np.abs(across)))
    shade = (1 - 0.18 * place**6) * (1 - 0.5 * smoothstep(0.02, 0.24, np.abs(across)))
    colour = _teeth_tint(light) * _warm(0.62 * shade)
    return np.concatenate([colour, alpha[..., None]], -1).astype(np.float32)


def _blurred(plate: Floats, frame: FaceFrame) -> Floats:
    """Softened as a lens would: drawn edges must not be sharper than the photograph around them."""
    premultiplied = plate.copy()
    premultiplied[..., :3] *= plate[..., 3:]
    sigma = max(0.6, 0.006 * frame.mouth)
    soft = np.asarray(cv2.GaussianBlur(premultiplied, (0, 0), sigma), np.float32)
    colour = soft[..., :3] / np.maximum(soft[..., 3:], 1e-4)
    return np.asarray(np.clip(np.concatenate([colour, soft[..., 3:]], -1), 0, 1))
