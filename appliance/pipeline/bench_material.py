"""What the render benchmark renders: minutes of speech and a template video, both made on the spot."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

from appliance.errors import InputError, UnhealthyError

_TEMPLATE_FPS = 25
_TEMPLATE_SECONDS = 4.0
"""Short, because a template is played forward and back; what its enrolment costs is not measured here."""
_TEXT = (
    "The quick brown fox jumps over the lazy dog. Peter Piper picked a peck of pickled peppers. "
    "She sells sea shells by the sea shore. How much wood would a woodchuck chuck, if a woodchuck could chuck wood? "
    "My mother may bring both of the boys back from the village before we move. "
)


def write_speech(path: Path, seconds: float, source: Path) -> None:
    """Repeat the sound of a PCM WAV file until it is `seconds` long."""
    try:
        with wave.open(str(source), "rb") as original:
            shape = original.getparams()
            block = original.readframes(shape.nframes)
    except (OSError, EOFError, wave.Error) as error:
        raise InputError(f"{source} cannot be read: {error}", hint="give a PCM WAV file") from error
    if not block:
        raise InputError(f"{source} holds no sound", hint="give a WAV file with some seconds of speech")
    with wave.open(str(path), "wb") as repeated:
        repeated.setparams(shape)
        missing = round(seconds * shape.framerate) * shape.sampwidth * shape.nchannels
        while missing > 0:
            repeated.writeframes(block[:missing])
            missing -= len(block)


def speak(path: Path) -> None:
    """Let espeak-ng say a few sentences into a WAV file."""
    try:
        subprocess.run(["espeak-ng", "-v", "en-us", "-w", str(path), _TEXT], check=True)  # noqa: S603, S607
    except (OSError, subprocess.CalledProcessError) as error:
        hint = "install the package espeak-ng, or name a PCM WAV file with speech"
        raise UnhealthyError(f"espeak-ng gives no speech to measure with: {error}", hint=hint) from error


def draw_template(path: Path) -> None:
    """A 1080p video of the demo avatar, gently swaying, as a template to measure with."""
    import av
    import cv2
    import numpy as np

    from appliance.pipeline.demo import draw_demo

    width, height, sway = 1920, 1080, 12.0
    picture, _ = draw_demo(height)
    left = (width - height) // 2
    wide = cv2.copyMakeBorder(picture, 0, 0, left, width - height - left, cv2.BORDER_REPLICATE)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=_TEMPLATE_FPS, options={"crf": "16", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        frames = round(_TEMPLATE_SECONDS * _TEMPLATE_FPS)
        for index in range(frames):
            phase = 2 * np.pi * index / frames
            shift = np.array([[1, 0, sway * np.sin(phase)], [0, 1, sway / 2 * np.cos(phase)]], np.float32)
            moved = cv2.warpAffine(wide, shift, (width, height), borderMode=cv2.BORDER_REPLICATE)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(moved.astype(np.uint8, copy=False), "bgr24")))
        container.mux(stream.encode(None))
