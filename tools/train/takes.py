"""Speech whose sounds are known, and about when each is said: what Kokoro planned. Of Pico's speech nobody knows when.

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
from tools.train import crowd, espeak, kept, kokoro, people, phones, pico, texts
from tools.train import sound as sounds_at
from tools.train.corpus import heard
from tools.train.kokoro import LANGUAGES, RATE_HZ, Kokoro, Sound
from tools.train.phones import INDEX
from tools.train.sound import Samples, resampled

HELD_OUT: Final = ("af_bella", "bm_george")
"""Voices that no stage of training hears."""
_LEFT_OUT: Final = ("af_nicole", "am_santa", "em_santa", "pm_santa")
"""One whispers, the others laugh."""
_SECONDS: Final = {"en": 150.0}
"""Of each of Kokoro's voices, by language."""
_SECONDS_ELSE: Final = 90.0
_CROWD_SECONDS: Final = 60.0
_PICO_SECONDS: Final = {"en": 900.0, "de": 400.0, "es": 400.0, "fr": 400.0, "it": 400.0}
_MAKERS: Final = (mels, texts, espeak, phones, sounds_at)


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


def names(folder: Path) -> list[str]:
    """Every speaker to learn from; `folder` keeps Kokoro's voices."""
    voices = [name for name in kokoro.voices(folder) if name[0] in LANGUAGES and name not in (*HELD_OUT, *_LEFT_OUT)]
    return [*voices, *crowd.NAMES, *pico.VOICES]


def prepare(name: str, folder: Path, seed: int) -> Path:
    """The speaker's file, made if it is not there yet."""
    if name in pico.VOICES:
        path = folder / f"{name}-{kept.key((*_MAKERS, people, pico), _seconds(name), seed)}.npz"
    else:
        makers = (kokoro, crowd) if name in crowd.NAMES else (kokoro,)
        path = folder / f"kokoro-{name}-{kept.key((*_MAKERS, *makers), _seconds(name), seed)}.npz"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        takes = _taken(name, folder.parent, seed)
        with atomic.replaced_file(path, suffix=".npz") as temporary:
            np.savez(temporary, **{field.name: getattr(takes, field.name) for field in fields(Takes)})
    return path


def spoken(voice: str, folder: Path, seed: int) -> Iterator[tuple[str, Samples, list[Sound]]]:
    """What a speaker of Kokoro says, without end: texts, their sound at 16 kHz and its plan.

    Rates differ, and throats are longer and shorter, but for a held-out voice. `folder` keeps Kokoro's voices.
    """
    random = np.random.default_rng([seed, zlib.crc32(voice.encode())])
    speaker, accent = Kokoro(), voice[0]
    language = LANGUAGES[accent][:2]
    if voice in crowd.NAMES:
        styles = crowd.styles(voice, folder, (*HELD_OUT, *_LEFT_OUT))
    else:
        styles = kokoro.styles(voice, folder)
    while True:
        text = texts.sentence(language, random, voice in HELD_OUT)
        samples, plan = speaker.say(text, accent, styles, float(random.uniform(0.8, 1.3)))
        if not plan:
            continue
        speed = 1.0 if voice in HELD_OUT else float(np.exp(random.uniform(-0.1, 0.1)))
        sound = resampled(samples, round(RATE_HZ * speed / 50) * 50)
        scale = len(sound) / 16000 / (len(samples) / RATE_HZ)
        yield text, sound, [each._replace(start=each.start * scale, end=each.end * scale) for each in plan]


def _of_pico(name: str, root: Path, seed: int) -> Iterator[tuple[Samples, list[Sound]]]:
    """What a voice of Pico says, without end: sound at 16 kHz, and a plan that says nothing of when.

    Rates, pitches and throats differ. `root` is where tools/train/extra_packages.sh unpacked the packages.
    """
    random = np.random.default_rng([seed, zlib.crc32(name.encode())])
    voice, writer = pico.VOICES[name], espeak.Espeak()
    speaker = pico.Pico(voice, root)
    while True:
        text = texts.sentence(voice.language, random)
        script = people.pronounced(writer, text, voice.accent)
        if script is None:
            continue
        samples = speaker.say(text, speed=int(random.integers(80, 136)), pitch=int(random.integers(75, 136)))
        speed = float(np.exp(random.uniform(-0.15, 0.15)))
        sound = resampled(samples, round(pico.RATE_HZ * speed / 50) * 50)
        end = len(sound) / 16000
        yield sound, [Sound(phone, 0.0, end, place in script.breaks) for place, phone in enumerate(script.phones)]


def _seconds(name: str) -> float:
    if name in pico.VOICES:
        return _PICO_SECONDS[pico.VOICES[name].language]
    return _CROWD_SECONDS if name in crowd.NAMES else _SECONDS.get(LANGUAGES[name[0]][:2], _SECONDS_ELSE)


def _taken(name: str, work: Path, seed: int) -> Takes:
    """Utterances until the speaker has spoken for long enough; `work` keeps what was fetched."""
    if name in pico.VOICES:
        said_sounds = _of_pico(name, work / "extra/root", seed)
    else:
        said_sounds = ((sound, plan) for _, sound, plan in spoken(name, work / "kokoro", seed))
    left = _seconds(name)
    mel, said, counts = [], [], []
    for sound, plan in said_sounds:
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
