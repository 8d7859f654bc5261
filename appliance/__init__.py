"""Mouthpiece: the runtime of a box that turns sound and a face into a talking video.

import appliance
model = appliance.load_model("base")
video = model.generate(avatar="portrait.png", audio="speech.wav", min_resolution=1024)
video.save("out.mp4")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from appliance.pipeline.model import Model

__version__ = "0.1.0"
__all__ = ["__version__", "load_model"]


def load_model(name: str = "base") -> Model:
    """A model by name ("base"), by path to a weights file, or by engine name ("onnxruntime", "torch")."""
    from appliance.pipeline.model import load

    return load(name)
