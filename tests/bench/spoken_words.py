"""Single words said by people whom no training has heard, and how many of their lip closures a network finds.

`ktuberling-data` holds words in many languages, `tests/bench/words/LANGUAGE.txt` says which (`FILE WORD`; words that
could be another one with the same meaning were left out). Of `klettres-data` there are the speakers that training
leaves out, whose index names the word or syllable.

Nobody has marked the closures in them. So espeak-ng says the same word, and its closures, stretched to the length of
the recording, say *about* where to expect one: a closure counts as found within `NEAR_S`, four to five times the
tolerance of a timed truth. What chance alone would find with that much tolerance is measured in the same run, as
the tracks of other words.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.mel import FRAME_HZ
from appliance.pipeline.track import MotionTrack
from tools.train.espeak import Espeak
from tools.train.measure import Count
from tools.train.phones import SEALED
from tools.train.sound import Samples, decoded

NEAR_S: Final = 0.1
_WORDS: Final = Path(__file__).parent / "words"
_TUBERLING: Final = Path("/usr/share/ktuberling/sounds")
_KLETTRES: Final = Path("/usr/share/klettres")
_VOICES: Final = {
    "en": "en-us", "de": "de", "es": "es", "fr": "fr", "it": "it", "ru": "ru", "pt_BR": "pt-br",
}  # fmt: skip
_PAUSE_S: Final = 0.3
_FADE_S: Final = 0.05
_ROOM_DB: Final = 35.0
_EDGE_DB: Final = 22.0

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Word:
    """A recording at 16 kHz with a pause around it, where its speech lies, and about where lips and teeth close."""

    samples: Samples
    speech: Interval
    closures: list[Interval]
    contacts: list[Interval]


def words() -> Iterator[tuple[str, str, list[Word]]]:
    """Every language and package that is installed: language, package, words."""
    espeak = Espeak()
    for language, voice in _VOICES.items():
        for package, said in (("ktuberling", _tuberling(language)), ("klettres", _klettres(language))):
            found = [_word(espeak, path, text, voice) for path, text in said if path.is_file()]
            if found:
                yield language, package, found


def _tuberling(language: str) -> Iterator[tuple[Path, str]]:
    listed = _WORDS / f"{language}.txt"
    for line in listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else ():
        name, _, text = line.partition(" ")
        yield _TUBERLING / language / name, text


def _klettres(language: str) -> Iterator[tuple[Path, str]]:
    from tools.train.people import HELD_OUT

    index = _KLETTRES / language / "sounds.xml"
    if f"klettres-{language}" in HELD_OUT and index.is_file():
        for sound in ET.parse(index).iter("sound"):  # noqa: S314 - a file of an installed package
            yield _KLETTRES / sound.get("file", ""), sound.get("name", "").lower()


def _word(espeak: Espeak, path: Path, text: str, voice: str) -> Word:
    samples = _framed(decoded(path))
    speech = _speech(samples)
    _, segments = espeak.say(text, voice)
    sounds = [segment for segment in segments if segment.phone != "sil"]
    start, end = sounds[0].start, sounds[-1].end
    stretch = (speech[1] - speech[0]) / (end - start)

    def places(phones: Iterable[str]) -> list[Interval]:
        merged: list[Interval] = []
        for segment in sounds:
            if segment.phone in phones:
                place = [speech[0] + (time - start) * stretch for time in (segment.start, segment.end)]
                if merged and place[0] - merged[-1][1] <= NEAR_S / 5:
                    place[0] = merged.pop()[0]
                merged.append((place[0], place[1]))
        return merged

    return Word(samples, speech, places(SEALED), places("fv"))


def _power(samples: Samples) -> NDArray[np.float32]:
    """Of every 10 ms, in dB."""
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    return np.asarray(10 * np.log10(np.mean(frames**2, axis=1) + 1e-10), np.float32)


def _framed(samples: Samples) -> Samples:
    """With a pause in front and behind, in a room `_ROOM_DB` quieter than the word.

    Many recordings are cut close: after digital silence their own room, beginning at once, would sound like a burst.
    """
    fade = np.ones(len(samples), np.float32)
    slope = np.linspace(0, 1, round(_FADE_S * 16000), dtype=np.float32)
    fade[: len(slope)], fade[-len(slope) :] = slope, slope[::-1]
    heard = np.pad(samples * fade, round(_PAUSE_S * 16000))
    room = 10 ** ((_power(heard).max() - _ROOM_DB) / 20) * np.random.default_rng(1).standard_normal(len(heard))
    return np.asarray(heard + room, np.float32)


def _speech(samples: Samples) -> Interval:
    """From the first to the last frame that is at most `_EDGE_DB` quieter than the loudest."""
    power = _power(samples)
    loud = np.flatnonzero(power > power.max() - _EDGE_DB)
    return float(loud[0] / FRAME_HZ), float((loud[-1] + 1) / FRAME_HZ)


def closures(track: MotionTrack, word: Word) -> Count:
    """The closures of a track against those of a word; mostly in silence, or touching an f or v, none is wrong."""
    frames = round(len(word.samples) / 16000 * FRAME_HZ)
    shown = (np.arange(len(track)) + 0.5) / track.fps
    closed = np.interp((np.arange(frames) + 0.5) / FRAME_HZ, shown, track.closure) > 0.5
    edges = np.flatnonzero(np.diff(np.concatenate([[0], closed.astype(np.int8), [0]]))) / FRAME_HZ
    runs = list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))

    def meet(run: Interval, interval: Interval) -> bool:
        return run[0] < interval[1] + NEAR_S and run[1] > interval[0] - NEAR_S

    def spoken(run: Interval) -> float:
        return max(0.0, min(run[1], word.speech[1]) - max(run[0], word.speech[0])) / (run[1] - run[0])

    right = [run for run in runs if any(meet(run, closure) for closure in word.closures)]
    wrong = [
        run
        for run in runs
        if run not in right and spoken(run) > 0.5 and not any(meet(run, contact) for contact in word.contacts)
    ]
    found = sum(any(meet(run, closure) for run in runs) for closure in word.closures)
    return Count(found, len(word.closures), len(right), len(wrong))
