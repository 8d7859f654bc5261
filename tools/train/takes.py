"""Speech whose sounds are known, and about when each is said: what a neural synthesiser planned.

A voice's takes are made once and kept as `DIR/NAME-KEY.npz`: `mel` [T, 40] float16 (raw log-mel of `mel.log_mel`),
`bounds` [n + 1] int64 (first frame of every utterance, and T), `phone` [K] uint8 (index into `phones.PHONES`), `start`
and `end` [K] float32 (seconds from the utterance's beginning), `pause` [K] bool (there may be one before the sound),
`sounds` [n + 1] int64 (first sound of every utterance, and K). `label.placed` turns them into labels.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline import mel as mels
from appliance.storage import atomic
from tools.train import espeak, kept, kokoro, phones, texts
from tools.train import sound as sounds_at
from tools.train.corpus import heard
from tools.train.kokoro import LANGUAGES, RATE_HZ, Kokoro, Sound
from tools.train.phones import INDEX
from tools.train.sound import Samples, resampled

HELD_OUT: Final = ("af_bella", "bm_george")
"""Voices that no stage of training hears."""
LEFT_OUT: Final = ("af_nicole", "am_santa", "em_santa", "pm_santa")
"""One whispers, the others laugh."""
_SECONDS_OF: Final = {"en": 150.0}
_SECONDS: Final = 90.0
_MAKERS: Final = (mels, texts, espeak, kokoro, phones, sounds_at)


@dataclass(frozen=True, slots=True)
class Takes:
    """One voice's utterances, as described above."""

    mel: NDArray[np.float16]
    bounds: NDArray[np.int64]
    phone: NDArray[np.uint8]
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    pause: NDArray[np.bool_]
    sounds: NDArray[np.int64]

    @classmethod
    def load(cls, path: Path) -> Takes:
        with np.load(path, allow_pickle=False) as stored:
            return cls(*(stored[field.name] for field in fields(cls)))


def prepare(voice: str, folder: Path, seed: int) -> Path:
    """The voice's file, made if it is not there yet."""
    path = folder / f"kokoro-{voice}-{kept.key(_MAKERS, voice, seed)}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        takes = _taken(voice, folder.parent / "kokoro", seed)
        with atomic.replaced_file(path, suffix=".npz") as temporary:
            np.savez(temporary, **{field.name: getattr(takes, field.name) for field in fields(Takes)})
    return path


def spoken(voice: str, folder: Path, seed: int) -> Iterator[tuple[str, Samples, list[Sound]]]:
    """Texts, their sound at 16 kHz and its plan, at other rates and from longer and shorter throats, without end.

    `folder` keeps Kokoro's voices. A held-out voice speaks from its own throat.
    """
    random = np.random.default_rng([seed, zlib.crc32(voice.encode())])
    speaker, language = Kokoro(folder), LANGUAGES[voice[0]][:2]
    while True:
        text = texts.sentence(language, random, voice in HELD_OUT)
        samples, plan = speaker.say(text, voice, float(random.uniform(0.8, 1.3)))
        if not plan:
            continue
        speed = 1.0 if voice in HELD_OUT else float(np.exp(random.uniform(-0.1, 0.1)))
        sound = resampled(samples, round(RATE_HZ * speed / 50) * 50)
        scale = len(sound) / 16000 / (len(samples) / RATE_HZ)
        yield text, sound, [each._replace(start=each.start * scale, end=each.end * scale) for each in plan]


def _taken(voice: str, folder: Path, seed: int) -> Takes:
    """Utterances until the voice has spoken for long enough."""
    left = _SECONDS_OF.get(LANGUAGES[voice[0]][:2], _SECONDS)
    mel, said, counts = [], [], []
    for _, sound, plan in spoken(voice, folder, seed):
        mel.append(heard(sound).astype(np.float16))
        said += [(INDEX[each.phone], each.start, each.end, each.after_pause) for each in plan]
        counts.append(len(plan))
        left -= len(sound) / 16000
        if left <= 0:
            break
    phone, start, end, pause = zip(*said, strict=True)
    return Takes(
        np.concatenate(mel),
        np.cumsum([0] + [len(part) for part in mel]),
        np.array(phone, np.uint8),
        np.array(start, np.float32),
        np.array(end, np.float32),
        np.array(pause, np.bool_),
        np.cumsum([0, *counts]),
    )
