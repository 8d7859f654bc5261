"""Encoding and nothing else, as a program: raw NV12 pictures in a file to H.264 fragments.

The yardstick of `bench_render`: what any program would need that is given the same pictures and encodes them with the
same settings. `paint` makes the file, picture after picture, luma then chroma, painted as a render paints them.

    python -m appliance.pipeline.bench_encode PICTURES WIDTH HEIGHT RATE CODEC FOLDER
"""

from __future__ import annotations

import sys
from fractions import Fraction
from pathlib import Path

import numpy as np

from appliance.pipeline.animate import Animator
from appliance.pipeline.encoder import EncoderSettings, FragmentEncoder
from appliance.pipeline.motion import load_motion_model
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.scene import Scene
from appliance.pipeline.sound import open_sound
from appliance.pipeline.track import MotionTrack


def paint(pack: AvatarPack, sound: Path, target: Path) -> None:
    """Write every picture of a render, with default options, to `target`."""
    options = Options()
    scene = Scene(pack, options)
    with open_sound(sound) as reader:
        stream = load_motion_model().stream(float(scene.rate))
        parts = [stream.push(block.speech) for block in reader.blocks()]
    track = MotionTrack.joined([*parts, stream.finish()])
    performance = Animator.of(options).perform(track, 0, start=0, stop=len(track))
    whole = np.empty((scene.height * 3 // 2, scene.width), np.uint8)
    y, uv = whole[: scene.height], whole[scene.height :].reshape(scene.height // 2, scene.width // 2, 2)
    painter = scene.painter(y, uv)
    with target.open("wb") as file:
        for index in range(len(track)):
            painter.paint(performance, index, index)
            file.write(whole.data)


def main(source: str, columns: str, rows: str, rate: str, codec: str, folder: str) -> None:
    """Encode into fragments of the length that a render uses, so that there are as many key frames."""
    from appliance.pipeline.render import SEGMENT_S

    settings = EncoderSettings(int(columns), int(rows), Fraction(rate), codec)
    height, width = settings.height, settings.width
    pictures = np.memmap(source, np.uint8, "r").reshape(-1, height * 3 // 2, width)
    length = round(SEGMENT_S * settings.rate)
    for start in range(0, len(pictures), length):
        with FragmentEncoder(Path(folder) / f"{start:08d}.alone", settings) as encoder:
            for picture in pictures[start : start + length]:
                encoder.y[:] = picture[:height]
                encoder.uv[:] = picture[height:].reshape(encoder.uv.shape)
                encoder.write()


if __name__ == "__main__":
    main(*sys.argv[1:])
