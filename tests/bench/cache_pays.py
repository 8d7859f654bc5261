"""What is worth keeping in the cache: `python -m tests.bench.cache_pays`.

For everything that an avatar, a sound or a video leads to: what making it costs the processor, how large it is, and so
how fast the flash must be read for keeping it to pay. A NAND of the boards' kind reads a few tens of MB/s at best (not
measured here); what needs more is better made anew.
Processor time is that of one thread at work on this machine, the least of some tries.
"""

from __future__ import annotations

import functools
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

THREADS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TRIES: Final = 3
SECONDS: Final = 6.0
SIDE: Final = 1024
FILM_FRAMES: Final = 60


def cost_s(work: Callable[[], object]) -> float:
    """Processor time, the least of some tries."""
    spent = []
    for _ in range(TRIES):
        started = time.process_time()
        work()
        spent.append(time.process_time() - started)
    return min(spent)


def show(what: str, seconds: float, size: int) -> None:
    megabytes = size / 1e6
    print(
        f"| {what} | {1000 * seconds:,.1f} ms | {size / 1000:,.1f} kB | {megabytes / seconds:,.2f} MB/s |", flush=True
    )


def main() -> None:
    for name in THREADS:
        os.environ[name] = "1"
    import cv2

    cv2.setNumThreads(1)
    print("| what | making it costs | size | pays if read faster than |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        of_a_sound(root)
        of_a_portrait(root)
        of_a_film(root)


def of_a_sound(root: Path) -> None:
    from appliance.pipeline.mel import BANDS, FRAME_HZ, Channel, Level, MelStream
    from appliance.pipeline.motion import load_motion_model
    from appliance.pipeline.sound import open_sound
    from tests import sounds

    path = sounds.speech(root / "a.wav", "Papa meets Bob at the boat, and mama buys a big blue ball. " * 12)
    with open_sound(path) as reader:
        blocks = [block.speech for block in reader.blocks()]
    minutes = sum(map(len, blocks)) / 16000 / 60
    model = load_motion_model()

    def track() -> None:
        stream = model.stream(25.0)
        for block in blocks:
            stream.push(block)
        stream.finish()

    def features() -> None:
        stream, level, channel = MelStream(), Level(), Channel()
        for block in blocks:
            channel.equalised(level.relative(stream.push(block)))

    show("motion track, a minute", cost_s(track) / minutes, 60 * 25 * 24)
    show("the network's features, a minute", cost_s(features) / minutes, round(60 * FRAME_HZ) * BANDS * 4)


def of_a_portrait(root: Path) -> None:
    import cv2

    from appliance.pipeline import images
    from appliance.pipeline.cached import JobCache
    from appliance.pipeline.enroll import pack_for
    from appliance.pipeline.face_search import Search
    from appliance.pipeline.options import Options
    from appliance.pipeline.progress import Job
    from appliance.pipeline.scene import Scene
    from tests import assets

    picture = cv2.resize(images.load_picture(assets.astronaut()), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    source = root / "portrait.png"
    cv2.imwrite(str(source), picture)
    loaded = images.load_picture(source)
    search = Search(source, None, Job(), JobCache())
    show("landmarks of a portrait", cost_s(lambda: search.in_picture(loaded)), len(search.in_picture(loaded).packed()))
    pack = pack_for(source, root)
    kept = Kept()
    Scene(pack, Options(expand_ratio=0.5), JobCache(kept))
    show("rig of a framed portrait", cost_s(lambda: Scene(pack, Options(expand_ratio=0.5))), kept.size)
    fragments(root, source, "portrait")


def of_a_film(root: Path) -> None:
    import cv2
    import numpy as np
    import zstandard

    from appliance.pipeline import images
    from appliance.pipeline.cached import JobCache
    from appliance.pipeline.enroll import pack_for
    from appliance.pipeline.face_search import Search
    from appliance.pipeline.pack import FRAMES
    from appliance.pipeline.progress import Job
    from appliance.pipeline.template import FrameWriter
    from appliance.pipeline.video import VideoSource
    from tests import assets, moving_pictures

    portrait = cv2.resize(images.load_picture(assets.astronaut()), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(1)
    pictures = [
        np.clip(np.roll(portrait, number % 9, axis=1) + noise.normal(0, 2, portrait.shape), 0, 255).astype(np.uint8)
        for number in range(FILM_FRAMES)
    ]
    source = moving_pictures.write_video(root / "film.mp4", pictures)
    with VideoSource(source) as video:
        frames, rate = list(video.frames()), video.rate
    search = Search(source, None, Job(), JobCache())

    def track() -> None:
        tracked = search.in_video()
        for frame in frames:
            tracked.add(frame)
        sizes.append(len(tracked.finish(1.0)[0].packed()))

    sizes: list[int] = []
    seconds = cost_s(track)
    show("landmarks of a film's frame", seconds / FILM_FRAMES, sizes[0] // FILM_FRAMES)
    pack = pack_for(source, root)

    def stored() -> None:
        with VideoSource(source) as video, FrameWriter(root / "w.mp4", SIDE, SIDE, rate) as writer:
            for frame in video.frames():
                writer.write(frame)

    show("a film's frame as a pack stores it", cost_s(stored) / FILM_FRAMES, (pack.path / FRAMES).stat().st_size // 60)

    def decoded() -> None:
        with pack.frames() as there:
            for index in range(FILM_FRAMES):
                there.get(index)

    with pack.frames() as there:
        frame = there.get(7)
    raw = frame.y.tobytes() + frame.uv.tobytes()
    show("a film's frame, decoded", cost_s(decoded) / FILM_FRAMES, len(raw))
    packed = zstandard.ZstdCompressor(1).compress(raw)
    gain = cost_s(decoded) / FILM_FRAMES - cost_s(functools.partial(zstandard.ZstdDecompressor().decompress, packed))
    if gain > 0:
        show("the same, in zstd", gain, len(packed))
    else:
        print(f"| the same, in zstd | less than unpacking it | {len(packed) / 1000:,.1f} kB | never |")
    fragments(root, source, "film")


def fragments(root: Path, avatar: Path, what: str) -> None:
    """A video's parts, as short as the worker's four threads make them, and as long as the command line does."""
    from appliance.pipeline import model
    from appliance.pipeline.avatars import resolve
    from appliance.pipeline.cached import JobCache
    from appliance.pipeline.options import Options
    from appliance.pipeline.progress import Job
    from appliance.pipeline.render import SEGMENT_S
    from appliance.volumes import Volumes

    loaded, pack = model.load(), resolve(str(avatar), Volumes(root / "box"))
    for seconds in (0.4, SEGMENT_S):
        kept = Kept()
        with tempfile.TemporaryDirectory(dir=root) as name:
            out = Path(name) / "o.mp4"
            options, cache = Options(duration=SECONDS), JobCache(kept)
            loaded.render_job(
                pack, root / "a.wav", out.parent, out, options, job=Job(), fragment_s=seconds, cache=cache
            )
        used = JobCache(kept)
        for key, (kind, _) in kept.values.items():
            if kind == "fragment":
                used.get(kind, key)
        found = used.used()
        size = found["read_bytes"] // found["hits"]
        show(f"fragment of a {what}, {SECONDS / found['hits']:.1f} s", found["saved_s"] / found["hits"], size)


class Kept:
    """A cache that keeps everything."""

    def __init__(self) -> None:
        self.values: dict[str, tuple[str, bytes]] = {}

    @property
    def size(self) -> int:
        return sum(len(data) for _, data in self.values.values())

    def get(self, key: str, *, kind: str) -> bytes | None:
        return self.values.get(key, (kind, None))[1]

    def put(self, key: str, data: bytes, *, kind: str) -> bool:
        self.values[key] = (kind, data)
        return True


if __name__ == "__main__":
    main()
