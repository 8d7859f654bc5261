"""The two networks that find a face and its landmarks.

They are MediaPipe's BlazeFace short-range detector and its 468-point face mesh (Apache-2.0), two `.tflite` files that
`python -m tools.face_models` unpacks at install time from the pinned mediapipe wheel into `models/` beside this
module. They are checked here before every use, because OpenCV aborts rather than complains on some damaged files.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from appliance.errors import UnhealthyError

MODELS: Final = Path(__file__).parent / "models"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of the wheel: where it lies in there, and what it must hold."""

    name: str
    member: str
    sha256: str


DETECTOR: Final = ModelFile(
    "face_detection_short_range.tflite",
    "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "bbff11cebd1eb27a1e004cae0b0e63ec8c551cbf34a4451148b4908b8db3eca8",
)
MESH: Final = ModelFile(
    "face_landmark.tflite",
    "mediapipe/modules/face_landmark/face_landmark.tflite",
    "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814",
)


def read(model: ModelFile, folder: Path = MODELS) -> bytes:
    """The model's bytes; `UnhealthyError` when the file is missing or damaged."""
    path = folder / model.name
    hint = "run `make setup`, which fetches the face models"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UnhealthyError(f"the face model {path} cannot be read: {error.strerror}", hint=hint) from error
    if hashlib.sha256(content).hexdigest() != model.sha256:
        raise UnhealthyError(f"the face model {path} is damaged", hint=hint)
    return content
