"""The painter's canvas: soft and sharp fills of paths, in design units, on a float picture.

`image` is [size, size, 3], float32, BGR 0..1. Every fill works in the window that it touches. A sharp edge is drawn
four times finer and averaged; a soft one is drawn as coarse as its blur allows, which keeps wide shadows cheap.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.demo.curves import Path

EXTENT: Final = 1000.0
_SHARP: Final = 4.0
_COARSE: Final = 3.0
_SHIFT: Final = 6

Image = NDArray[np.float32]


def colour(code: str) -> Image:
    """BGR 0..1 of `rrggbb`."""
    return np.array([int(code[i : i + 2], 16) / 255 for i in (4, 2, 0)], np.float32)


def blurred(field: Image, sigma: float) -> Image:
    """A Gaussian blur; `sigma` in pixels."""
    return cv2.GaussianBlur(field, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Patch:
    """How much of each pixel of a window a shape covers: `alpha` [h, w], float32 0..1."""

    rows: slice
    columns: slice
    alpha: Image


class Canvas:
    """A square picture of `size` pixels, black to begin with; `unit` is pixels per design unit."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.unit = size / EXTENT
        self.image: Image = np.zeros((size, size, 3), np.float32)

    def grid(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice, Image, Image]:
        """The window over a box, and the design coordinates x [1, w], y [h, 1] of its pixel centres."""
        rows, columns = self._window(left, top, right, bottom)
        x = (np.arange(columns.start, columns.stop, dtype=np.float32) + np.float32(0.5)) / np.float32(self.unit)
        y = (np.arange(rows.start, rows.stop, dtype=np.float32) + np.float32(0.5)) / np.float32(self.unit)
        return rows, columns, x[None, :], y[:, None]

    def patch(self, paths: Path | Iterable[Path], *, soft: float = 0.0) -> Patch:
        """The cover of filled paths (their union), blurred by a Gaussian of `soft` units."""
        shapes = [paths] if isinstance(paths, np.ndarray) else list(paths)
        low, high = np.concatenate(shapes).min(axis=0), np.concatenate(shapes).max(axis=0)
        margin = 3 * soft + 1.5 / self.unit
        rows, columns = self._window(low[0] - margin, low[1] - margin, high[0] + margin, high[1] + margin)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        sigma = soft * self.unit
        fine = _SHARP if sigma < _COARSE else max(_COARSE / sigma, 0.05)
        raster: NDArray[np.uint8] = np.zeros((max(1, round(height * fine)), max(1, round(width * fine))), np.uint8)
        scale = np.array([raster.shape[1] / width, raster.shape[0] / height])
        corner = np.array([columns.start, rows.start], np.float64)
        for shape in shapes:
            place = (shape * self.unit - corner) * scale - 0.5
            cv2.fillPoly(raster, [np.round(place * (1 << _SHIFT)).astype(np.int32)], 255, cv2.LINE_8, _SHIFT)
        if fine > 1:
            raster = cv2.resize(raster, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        cover: Image = raster.astype(np.float32) / np.float32(255)
        if sigma > 0.2:
            cover = blurred(cover, sigma * min(fine, 1.0))
        if fine < 1:
            cover = cv2.resize(cover, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32)
        return Patch(rows, columns, np.clip(cover, 0, 1))

    def whole(self, patch: Patch) -> Image:
        """A patch as a mask [size, size] to clip others with."""
        mask = np.zeros((self.size, self.size), np.float32)
        mask[patch.rows, patch.columns] = patch.alpha
        return mask

    def lay(self, patch: Patch, tint: Image, opacity: float = 1.0, *, within: Image | None = None) -> None:
        """Lay a tint ([3], or [h, w, 3] over the window) on the picture through the patch."""
        area = self.image[patch.rows, patch.columns]
        alpha = patch.alpha * np.float32(opacity)
        if within is not None:
            alpha *= within[patch.rows, patch.columns]
        area += (tint - area) * alpha[..., None]

    def fill(
        self,
        paths: Path | Iterable[Path],
        tint: str | Image,
        opacity: float = 1.0,
        *,
        soft: float = 0.0,
        within: Image | None = None,
    ) -> None:
        """Fill paths with one colour."""
        self.lay(self.patch(paths, soft=soft), colour(tint) if isinstance(tint, str) else tint, opacity, within=within)

    def glow(
        self,
        centre: tuple[float, float],
        radii: tuple[float, float],
        tint: str,
        opacity: float,
        *,
        within: Image | None = None,
    ) -> None:
        """A Gaussian spot of light, shadow or blush; `radii` are its standard deviations."""
        (cx, cy), (rx, ry) = centre, radii
        rows, columns, x, y = self.grid(cx - 3 * rx, cy - 3 * ry, cx + 3 * rx, cy + 3 * ry)
        alpha = np.exp(-0.5 * (((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2))
        self.lay(Patch(rows, columns, alpha.astype(np.float32)), colour(tint), opacity, within=within)

    def finished(self) -> NDArray[np.uint8]:
        """The picture in 8 bits, dithered in an ordered pattern so that smooth gradients do not band."""
        column = np.arange(self.size, dtype=np.float32)
        # Interleaved gradient noise (Jimenez 2014): even at every scale, and the same every time.
        noise = np.float32(52.9829189) * (
            (np.float32(0.06711056) * column + np.float32(0.00583715) * column[:, None]) % 1
        )
        level = np.clip(self.image, 0, 1) * np.float32(255) + (noise % 1)[..., None]
        picture: NDArray[np.uint8] = np.minimum(level, 255).astype(np.uint8)
        return picture

    def _window(self, left: float, top: float, right: float, bottom: float) -> tuple[slice, slice]:
        def clipped(low: float, high: float) -> slice:
            start = min(max(int(np.floor(low * self.unit)), 0), self.size - 1)
            return slice(start, min(max(int(np.ceil(high * self.unit)), start + 1), self.size))

        return clipped(top, bottom), clipped(left, right)
