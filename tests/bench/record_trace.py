"""Record what rendering asks of the cache in a day of a kiosk: `python -m tests.bench.record_trace OUT.jsonl.gz`.

Everything is rendered for real, by the worker's rules (fragments as short as four threads make them), and whatever the
pipeline asks of its cache is written down in order, as `tests.bench.traces.recorded` reads it. The cache under it
forgets nothing, so that what is asked for again is not made again; what is asked for does not depend on it.

The day is drawn by lot, from a seed:

    visitors        record a message of one or two sentences that nobody said before, most for the kiosk's own avatar
                    (drawn, 1024 pixels), some for a portrait (512, framed) or a person on film (480); one in three then
                    tries another avatar with the same recording, one in six has the same made once more
    their pictures  one visitor in ten brings a picture of his own, which no other does
    announcements   eight of the house, made again and again in the order of a popularity that falls as 1 / rank

It needs espeak-ng and the test portrait. `kiosk_day.jsonl.gz` beside this file is what the defaults give.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from appliance.pipeline import images, model
from appliance.pipeline.avatars import resolve
from appliance.pipeline.cached import JobCache
from appliance.pipeline.options import Options
from appliance.pipeline.progress import Job
from appliance.volumes import Volumes
from tests import assets, moving_pictures, sounds

VISITORS: Final = 60
ANNOUNCEMENTS: Final = 8
FRAGMENT_S: Final = 0.4
_SENTENCES: Final = Path(__file__).parent / "sentences" / "en.txt"
_KEY_DIGITS: Final = 16
_FILM: Final = (480, 480)
_FILM_FRAMES: Final = 50


@dataclass(frozen=True, slots=True)
class Message:
    """What is said, and by whom it is shown: the name of one of the avatars, or a file."""

    text: str
    avatar: str


class Recorder:
    """A cache that forgets nothing, and the list of what it was asked for."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int]] = []
        self._values: dict[str, bytes] = {}

    def get(self, key: str, *, kind: str) -> bytes | None:
        found = self._values.get(key)
        if found is not None:
            self.requests.append((key[:_KEY_DIGITS], kind, len(found)))
        return found

    def put(self, key: str, data: bytes, *, kind: str) -> bool:
        """After a miss; its length is known only now."""
        self.requests.append((key[:_KEY_DIGITS], kind, len(data)))
        self._values[key] = data
        return True


def day(chance: random.Random, visitors: int) -> Iterator[Message]:
    """The messages of a day, in order."""
    sentences = [line for line in _SENTENCES.read_text().splitlines() if line]
    house = [Message(" ".join(chance.sample(sentences, 2)), "drawn") for _ in range(ANNOUNCEMENTS)]
    for number in range(visitors):
        text = f"This is message {number}. " + " ".join(chance.sample(sentences, chance.randint(1, 2)))
        avatar = chance.choices(["drawn", "portrait", "film"], [6, 3, 1])[0]
        if chance.random() < 1 / 10:
            avatar = f"own-{number}"
        first = Message(text, avatar)
        yield first
        if chance.random() < 1 / 3:
            yield Message(text, chance.choice([name for name in ("drawn", "portrait", "film") if name != avatar]))
        if chance.random() < 1 / 6:
            yield first
        if chance.random() < 1 / 2:
            yield chance.choices(house, [1 / rank for rank in range(1, len(house) + 1)])[0]


class Kiosk:
    """Renders messages on volumes of its own."""

    def __init__(self, root: Path) -> None:
        self._root, self._volumes, self._model = root, Volumes(root / "box"), model.load()
        self.cache = Recorder()
        portrait = images.load_picture(assets.astronaut())
        pictures, _ = moving_pictures.swaying(portrait, _FILM_FRAMES, _FILM)
        moving_pictures.write_video(root / "film.mp4", pictures)

    def render(self, message: Message) -> None:
        job, cache = Job(), JobCache(self.cache)
        avatar, options = self._avatar(message.avatar)
        pack = resolve(avatar, self._volumes, job=job, cache=cache)
        sound = sounds.speech(self._root / "sound.wav", message.text, "en-us")
        with tempfile.TemporaryDirectory(dir=self._root) as name:
            folder = Path(name)
            out = folder / "video.mp4"
            self._model.render_job(pack, sound, folder, out, options, job=job, fragment_s=FRAGMENT_S, cache=cache)

    def _avatar(self, name: str) -> tuple[str, Options]:
        if name == "drawn":
            return "demo", Options()
        if name == "film":
            return str(self._root / "film.mp4"), Options()
        if name == "portrait":
            return str(assets.astronaut()), Options(expand_ratio=0.5)
        own = self._root / f"{name}.png"
        side = 500 + int(name.partition("-")[2])  # the number makes it a picture like no other
        picture = cv2.resize(images.load_picture(assets.astronaut()), (side, side), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(own), picture)
        return str(own), Options(expand_ratio=0.5)


def main() -> None:
    parser = argparse.ArgumentParser(description="Record what rendering asks of the cache in a day of a kiosk.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--visitors", type=int, default=VISITORS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        kiosk = Kiosk(Path(root))
        messages = list(day(random.Random(options.seed), options.visitors))  # noqa: S311
        for number, message in enumerate(messages, 1):
            kiosk.render(message)
            print(f"{number} of {len(messages)}: {message.avatar}, {len(kiosk.cache.requests)} requests", flush=True)
    with gzip.open(options.out, "wt", compresslevel=9) as file:
        for key, kind, length in kiosk.cache.requests:
            file.write(json.dumps({"key": key, "kind": kind, "bytes": length}) + "\n")


if __name__ == "__main__":
    main()
