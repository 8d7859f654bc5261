"""The demo avatar: an illustrated portrait that the box draws itself, so that everything works with no download.

One frontal head and shoulders, mouth closed, painted back to front from the measures in `anatomy`. The same size
always gives the same bytes; the landmarks are where the drawing put them, not where a detector sees them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import landmarks
from appliance.pipeline.demo import anatomy, eyes, hair, mouth, skin, wardrobe
from appliance.pipeline.demo.canvas import Canvas


def draw_demo(size: int = 1024) -> tuple[NDArray[np.uint8], landmarks.Points]:
    """The portrait, BGR [size, size, 3], and its points in pixels. Meant for sizes from 256 to 2048."""
    canvas = Canvas(size)
    wardrobe.paint_backdrop(canvas)
    hair.paint_back(canvas)
    skin.paint_neck(canvas)
    wardrobe.paint_clothes(canvas)
    hair.paint_sides(canvas)
    skin.paint_ears(canvas)
    skin.paint_head(canvas)
    mouth.paint_lips(canvas)
    eyes.paint_eyes(canvas)
    eyes.paint_brows(canvas)
    hair.paint_front(canvas)
    return canvas.finished(), (anatomy.landmark_table() * canvas.unit).astype(np.float32)
