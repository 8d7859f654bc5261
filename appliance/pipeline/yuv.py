"""Pictures as the encoder wants them: 8-bit NV12 planes, BT.709, limited range.

`y` is [H, W], `uv` is [H/2, W/2, 2] with Cb first; H and W are even. A chroma sample is the mean of the four pixels
it covers, and its centre is theirs. Coefficients: ITU-R BT.709-6, section 3 and 4.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]

_KR, _KB = 0.2126, 0.0722
_KG = 1 - _KR - _KB
# Rows Y, Cb, Cr; columns B, G, R and the offset; for 0..255 in and out.
_FROM_BGR = np.array(
    [
        [_KB * 219 / 255, _KG * 219 / 255, _KR * 219 / 255, 16],
        [112 / 255, -_KG / (1 - _KB) * 112 / 255, -_KR / (1 - _KB) * 112 / 255, 128],
        [-_KB / (1 - _KR) * 112 / 255, -_KG / (1 - _KR) * 112 / 255, 112 / 255, 128],
    ]
)
_TO_BGR = np.linalg.inv(_FROM_BGR[:, :3])


def planes(bgr: NDArray[np.uint8]) -> tuple[Plane, Plane]:
    """The planes of a picture [H, W, 3] with even sides."""
    height, width = bgr.shape[:2]
    y = cv2.transform(bgr, _FROM_BGR[:1])
    quarter = cv2.resize(bgr, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    return np.asarray(y, np.uint8), np.asarray(cv2.transform(quarter, _FROM_BGR[1:]), np.uint8)


def picture(y: Plane, uv: Plane) -> NDArray[np.uint8]:
    """The BGR picture of two planes; chroma is interpolated."""
    height, width = y.shape
    full = cv2.resize(uv, (width, height), interpolation=cv2.INTER_LINEAR)
    stacked = np.dstack([y, full]).astype(np.float32) - np.array([16, 128, 128], np.float32)
    return np.asarray(np.clip(cv2.transform(stacked, _TO_BGR) + 0.5, 0, 255), np.uint8)
