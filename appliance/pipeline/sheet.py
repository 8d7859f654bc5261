"""The contact sheet: an avatar's face in every viseme and a few more poses, in one picture, to judge it by eye."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from appliance.pipeline import yuv
from appliance.pipeline.fragments import writing
from appliance.pipeline.modes import Mode
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.performance import Performance
from appliance.pipeline.scene import Scene
from appliance.storage import atomic

# The twelve visemes as the network's tracks show them at their strongest, and what else must look right.
POSES: Final[dict[str, dict[str, float]]] = {
    "SIL rest": {},
    "PBM pressed": {"PRESS": 1},
    "FV": {"TUCK": 1, "OPEN": 0.06},
    "TH": {"OPEN": 0.25, "tongue": 1},
    "ALV t d n l": {"OPEN": 0.22, "tongue": 0.75, "WIDE": 0.2},
    "VEL k g": {"OPEN": 0.3},
    "SHR sh ch r": {"OPEN_ROUND": 0.22, "ROUND": 0.5},
    "U": {"OPEN_ROUND": 0.2, "ROUND": 1},
    "O": {"OPEN_ROUND": 0.5, "ROUND": 0.8},
    "A": {"OPEN": 0.75},
    "E": {"OPEN": 0.45, "WIDE": 0.5},
    "I": {"OPEN": 0.22, "WIDE": 1},
    "widest": {"OPEN": 1},
    "blink": {"blink": 1, "BROW": 0.5},
    "turned": {"OPEN": 0.4, "HEAD_X": 0.03, "HEAD_Y": 0.02, "ROLL": 0.02, "CHEEK": 1},
    "half shut": {"blink": 0.4, "OPEN": 0.1},
}
_COLUMNS, _TILE = 4, 420


def save(pack: AvatarPack, target: Path) -> None:
    """Draw the sheet of a pack as a PNG."""
    scene = Scene(pack, Options(min_resolution=512))
    y = np.empty((scene.height, scene.width), np.uint8)
    uv = np.empty((scene.height // 2, scene.width // 2, 2), np.uint8)
    painter = scene.painter(y, uv)
    left, top, right, bottom = scene.face_box(pack.manifest.reference_frame)
    tiles = []
    for name, pose in POSES.items():
        painter.begin(y, uv)
        painter.paint(_performance(pose), 0, pack.manifest.reference_frame)
        tiles.append(_tile(yuv.picture(y, uv)[top:bottom, left:right], name))
    rows = [np.hstack(tiles[i : i + _COLUMNS]) for i in range(0, len(tiles), _COLUMNS)]
    _, encoded = cv2.imencode(".png", np.vstack(rows))
    with writing(target):
        atomic.write_bytes(target, encoded.tobytes())


def _performance(pose: dict[str, float]) -> Performance:
    modes = np.zeros((1, len(Mode)), np.float32)
    modes[0, Mode.SEAL] = 1
    for name, value in pose.items():
        if name in Mode.__members__:
            modes[0, Mode[name]] = value
    extra = {name: np.array([pose.get(name, 0)], np.float32) for name in ("tongue", "blink")}
    return Performance(modes, **extra)


def _tile(face: yuv.Plane, name: str) -> Any:
    height, width = face.shape[:2]
    scale = _TILE / max(height, width)
    shown = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    tile = np.full((_TILE + 28, _TILE, 3), 255, np.uint8)
    tile[: shown.shape[0], (_TILE - shown.shape[1]) // 2 :][:, : shown.shape[1]] = shown
    cv2.putText(tile, name, (10, _TILE + 20), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (60, 60, 60), 1, cv2.LINE_AA)
    return tile
