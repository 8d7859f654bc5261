"""Encoding and nothing else, as a program: raw NV12 pictures from standard input to an MP4 file.

The yardstick of `bench_render`: what any program would need that is handed the same pictures and encodes them with the
same settings. `pictures` hands them over, painted as a render paints them.

    python -m appliance.pipeline.bench_encode WIDTH HEIGHT RATE CODEC FOLDER < pictures
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
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


def pictures(pack: AvatarPack, sound: Path) -> Iterator[bytes]:
    """Every picture of a render, luma then chroma."""
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
    for index in range(len(track)):
        painter.paint(performance, index, index)
        yield whole.tobytes()


def main(columns: str, rows: str, rate: str, codec: str, folder: str) -> None:
    """Encode what comes in into fragments of the length that a render uses, so that it has as many key frames."""
    from appliance.pipeline.render import SEGMENT_S

    settings = EncoderSettings(int(columns), int(rows), Fraction(rate), codec)
    width, height = settings.width, settings.height
    length, number, more = round(SEGMENT_S * settings.rate), 0, True
    while more:
        with FragmentEncoder(Path(folder) / f"{number}.alone", settings) as encoder:
            for _ in range(length):
                handed = np.frombuffer(sys.stdin.buffer.read(width * height * 3 // 2), np.uint8)
                more = len(handed) == width * height * 3 // 2
                if not more:
                    break
                encoder.y[:] = handed[: width * height].reshape(height, width)
                encoder.uv[:] = handed[width * height :].reshape(encoder.uv.shape)
                encoder.write()
        number += 1


if __name__ == "__main__":
    main(*sys.argv[1:])
