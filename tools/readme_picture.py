"""Draw the picture in the README: `python -m tools.readme_picture` writes docs/images/demo.webp.

The demo avatar says what `tools/demo-speech.sh` speaks. Of the finished video one frame is shown for each of `POSES`,
the one where the motion track of the same sound has most of it, in the order in which they are said. Nothing is
retouched. Needs espeak-ng.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

import appliance
from appliance.errors import ApplianceError
from appliance.pipeline.motion import load_motion_model
from appliance.pipeline.sound import open_sound
from appliance.pipeline.track import VISEMES, MotionTrack

ROOT: Final = Path(__file__).resolve().parent.parent
TARGET: Final = ROOT / "docs" / "images" / "demo.webp"
FPS: Final = 25
TILE: Final = (320, 400)
"""Width and height of one frame in the strip, pixels."""
GAP: Final = 4
HALF_SECOND: Final = FPS // 2

Score = NDArray[np.float32]
POSES: Final[tuple[Callable[[MotionTrack], Score], ...]] = (
    lambda track: track.opening - track.rounding,  # a
    lambda track: track.closure * track.vad,  # m, p
    lambda track: track.rounding - 0.5 * track.opening,  # u
    lambda track: track.width - 0.5 * np.abs(track.opening - 0.4),  # e, i
    lambda track: track.vad * (track.viseme == VISEMES.index("FV")),  # f, v
)


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        speech = Path(scratch) / "speech.wav"
        subprocess.run([ROOT / "tools" / "demo-speech.sh", speech], check=True)
        try:
            with appliance.load_model().generate("demo", speech, fps=FPS, min_resolution=1024) as video:
                tiles = frames(video.path, chosen(motion(speech)))
        except ApplianceError as error:
            print(f"readme picture: {error.message}. {error.hint}", file=sys.stderr)
            return error.exit_code
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    strip(tiles).save(TARGET, quality=88, method=6)
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size // 1000} kB")
    return 0


def motion(speech: Path) -> MotionTrack:
    """The motion track of a recording."""
    stream = load_motion_model().stream(FPS)
    with open_sound(speech) as reader:
        parts = [stream.push(block.speech) for block in reader.blocks()]
    return MotionTrack.joined([*parts, stream.finish()])


def chosen(track: MotionTrack) -> list[int]:
    """The best frame of each pose, in order of time, at least half a second apart."""
    free = np.ones(len(track), bool)
    best = []
    for pose in POSES:
        index = int(np.where(free, pose(track), -np.inf).argmax())
        free[max(0, index - HALF_SECOND) : index + HALF_SECOND] = False
        best.append(index)
        print(f"{index / FPS:.2f} s: {VISEMES[track.viseme[index]]}")
    return sorted(best)


def frames(video: Path, wanted: list[int]) -> list[Image.Image]:
    """These frames of a video, cut to a tile around the face of the demo avatar, which is in the middle."""
    with av.open(video) as container:
        decoded = enumerate(container.decode(video=0))
        pictures = [frame.to_ndarray(format="rgb24") for index, frame in decoded if index in wanted]
    return [tile(Image.fromarray(picture)) for picture in pictures]


def tile(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    side = width * 0.56
    left, top = (width - side) / 2, height * 0.065
    box = (left, top, left + side, top + side * TILE[1] / TILE[0])
    return picture.resize(TILE, Image.Resampling.LANCZOS, box=box)


def strip(tiles: list[Image.Image]) -> Image.Image:
    """The tiles side by side."""
    wide, high = TILE
    whole = Image.new("RGB", (len(tiles) * (wide + GAP) - GAP, high), "white")
    for place, picture in enumerate(tiles):
        whole.paste(picture, (place * (wide + GAP), 0))
    return whole


if __name__ == "__main__":
    sys.exit(main())
