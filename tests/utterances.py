"""What real people say, in real rooms' conditions: recordings of Debian's packages with noise and reverberation.

The speakers of `klettres-data` are two that the motion network never heard in training; `asterisk-core-sounds-*` are
telephone prompts in three languages. Nothing here is used for acceptance.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, cast

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from tests import microphones

Samples = NDArray[np.float32]
RATE: Final = 16_000
_KLETTRES: Final = Path("/usr/share/klettres")
_PROMPTS: Final = Path("/usr/share/asterisk/sounds")
_SENTENCES: Final = {
    "fr_CA_f_June": ("tt-weasels", "vm-intro", "ss-noservice", "privacy-prompt"),
    "it_IT_m_Carlo": ("vm-intro", "ss-noservice", "privacy-prompt"),
    "ru_RU_f_IvrvoiceRU": ("vm-intro", "ss-noservice", "privacy-prompt"),
}
_WORDS: Final = {
    "en": ("dog pet sky car hot", "say fix gas jet key", "my saw no sit gem"),
    "pt_BR": ("bo ca du fe ja", "me la gu di bi", "co fa go le be"),
}
_EDGE_DB: Final = 30.0
"""A word begins and ends where it is so much under its loudest."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a microphone hears. The words begin and end at these times; `seconds` is the whole."""

    name: str
    samples: Samples
    begins_s: float
    ends_s: float


@cache
def spoken() -> dict[str, Samples]:
    """Utterances by name, trimmed to the words, peak at half of full scale. Skips the test where there are none."""
    found: dict[str, Samples] = {}
    for folder, names in _SENTENCES.items():
        for name in names:
            path = _PROMPTS / folder / f"{name}.g722"
            if path.exists():
                found[f"{folder[:2]} {name}"] = _trimmed(_read(path))
    random = np.random.default_rng(4)
    for speaker, lists in _WORDS.items():
        for words in lists:
            paths = [_KLETTRES / speaker / "syllab" / f"{word}.ogg" for word in words.split()]
            if all(path.exists() for path in paths):
                parts: list[Samples] = []
                for path in paths:
                    parts += [_trimmed(_read(path)), np.zeros(round(random.uniform(0.1, 0.5) * RATE), np.float32)]
                found[f"{speaker} {words}"] = np.concatenate(parts[:-1])
    if len(found) < 10:
        pytest.skip("klettres-data and asterisk-core-sounds-{fr,it,ru}-g722 are not installed")
    return found


def scene(name: str, *, noise: str, echo_s: float, snr_db: float = 10.0, lead_s: float = 0.7, seed: int = 1) -> Scene:
    """An utterance in a room with that noise (white, pink, hum) and reverberation, then three seconds of the room."""
    random = np.random.default_rng(seed)
    words = spoken()[name]
    loudness = np.sqrt(np.mean(np.square(words[np.abs(words) > 0.01])))
    quiet = np.zeros(round(lead_s * RATE), np.float32)
    clean = np.concatenate([quiet, words, np.zeros(3 * RATE, np.float32)])
    heard = _reverberated(clean, echo_s, random) + _noise(noise, len(clean), random) * loudness * 10 ** (-snr_db / 20)
    return Scene(name, heard.astype(np.float32), lead_s, lead_s + len(words) / RATE)


def where(scene: Scene, recording: Path) -> float:
    """At which second of the scene a recording of it begins; every sample of it is compared."""
    place = microphones.encoded(scene.samples).find(recording.read_bytes()[44:])
    assert place >= 0, f"{recording} is no part of {scene.name}"
    return place / 2 / RATE


def _read(path: Path) -> Samples:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "mono", RATE)
        frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        frames += resampler.resample(None)
        return np.concatenate([cast("Samples", frame.to_ndarray())[0] for frame in frames])


def _trimmed(samples: Samples) -> Samples:
    hop = RATE // 100
    frames = samples[: len(samples) // hop * hop].reshape(-1, hop)
    power = 10 * np.log10(np.mean(np.square(frames), axis=1) + 1e-10)
    loud = np.flatnonzero(power > power.max() - _EDGE_DB)
    words = samples[loud[0] * hop : (loud[-1] + 1) * hop]
    return np.asarray(0.5 * words / np.abs(words).max(), np.float32)


def _reverberated(samples: Samples, seconds: float, random: np.random.Generator) -> Samples:
    """With a room's decaying echo, 6 dB under the direct sound; the level falls by 60 dB in `seconds`."""
    if not seconds:
        return samples
    time = np.arange(round(1.2 * seconds * RATE)) / RATE
    echo = random.standard_normal(len(time)) * np.exp(-np.log(1000) * time / seconds)
    echo[: RATE // 500] = 0
    echo *= 0.5 / np.sqrt(np.sum(np.square(echo)))
    echo[0] = 1
    size = 1 << (len(samples) + len(echo)).bit_length()
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)
    return np.asarray(heard[: len(samples)], np.float32)


def _noise(kind: str, size: int, random: np.random.Generator) -> Samples:
    """Of unit loudness."""
    spectrum = np.fft.rfft(random.standard_normal(size))
    hertz = np.maximum(np.fft.rfftfreq(size, 1 / RATE), 1.0)
    if kind != "white":
        spectrum *= hertz**-0.5
    noise = np.fft.irfft(spectrum, size)
    noise /= noise.std()
    if kind == "hum":
        time = np.arange(size) / RATE
        noise += 2 * sum(np.sin(2 * np.pi * 100 * harmonic * time) / harmonic for harmonic in range(1, 8))
        noise /= noise.std()
    return np.asarray(noise, np.float32)
