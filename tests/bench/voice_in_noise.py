"""When a recording stops, in noise and in rooms, as a Markdown table: `python -m tests.bench.voice_in_noise`.

People whom no training has heard (`spoken_words`) say four words with pauses, in a room that was quiet of voices before
and stays so for some seconds after. "Voice F1" counts frames of 20 ms by the network's voice activity alone; a word is
voice from its first to its last loud frame. Then the rule of `appliance.capture.endpoint`, with the noise floor, in
blocks as they come from a microphone: "stops" says how many recordings ended after the last word and within a second
more than the silence that is waited for; "early" how many cut someone off; "late" the median time from the end of the
silence to the stop. The room adds 0.4 s of reverberation.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from appliance.capture.endpoint import Endpoint
from appliance.capture.level import FRAME, frame_levels
from appliance.capture.noise import NoiseFloor
from appliance.capture.source import BLOCK
from appliance.commands.record import voice_activity
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.settings import SPEECH_RATE_HZ
from tests.bench import spoken_words
from tools.train.measure import Count
from tools.train.sound import Samples

_WORDS: Final = 4
_OF_EACH: Final = 5
_LEAD_S, _TAIL_S = 0.7, 4.0
_SILENCE_S: Final = 1.5
_SOON_S: Final = 1.0
_ECHO_S: Final = 0.4
_SNRS_DB: Final = (20, 10, 5)
_SEED: Final = 4000


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said, dry and clean, and which frames of 20 ms are voice."""

    samples: Samples
    voice: np.ndarray
    ends_s: float


@dataclass(slots=True)
class Outcome:
    """Of all utterances in one noise."""

    frames: Count = field(default_factory=Count)
    stopped: int = 0
    early: int = 0
    late_s: list[float] = field(default_factory=list)


def _utterances(random: np.random.Generator) -> list[Spoken]:
    return [
        _strung(said[start : start + _WORDS], random)
        for _, _, said in spoken_words.words()
        for start in range(0, min(len(said) - _WORDS, _WORDS * _OF_EACH), _WORDS)
    ]


def _strung(words: list[spoken_words.Word], random: np.random.Generator) -> Spoken:
    parts, voiced = [np.zeros(round(_LEAD_S * SPEECH_RATE_HZ), np.float32)], []
    for word in words:
        begin, end = (round(edge * SPEECH_RATE_HZ) for edge in word.speech)
        loud = word.samples[begin:end] * (0.1 / np.sqrt(np.mean(word.samples[begin:end] ** 2)))
        first = sum(map(len, parts))
        voiced.append((first, first + len(loud)))
        parts += [loud, np.zeros(round(random.uniform(0.1, 0.6) * SPEECH_RATE_HZ), np.float32)]
    parts[-1] = np.zeros(round(_TAIL_S * SPEECH_RATE_HZ), np.float32)
    samples = np.concatenate(parts)
    samples = samples[: len(samples) // BLOCK * BLOCK]
    middles = (np.arange(len(samples) // FRAME) + 0.5) * FRAME
    voice = np.any([(middles >= first) & (middles < last) for first, last in voiced], axis=0)
    return Spoken(samples, voice, voiced[-1][1] / SPEECH_RATE_HZ)


def _reverberated(samples: Samples, random: np.random.Generator) -> Samples:
    time = np.arange(round(1.2 * _ECHO_S * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    echo = random.standard_normal(len(time)) * np.exp(-math.log(1000) * time / _ECHO_S)
    echo *= 0.5 / np.sqrt(np.sum(echo**2))
    echo[0] = 1
    size = len(samples) + len(echo)
    heard = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echo, size), size)
    return np.asarray(heard[: len(samples)], np.float32)


def _noises(random: np.random.Generator, others: list[Spoken]) -> dict[str, Callable[[int], Samples]]:
    def hiss(size: int) -> Samples:
        return random.standard_normal(size).astype(np.float32)

    def hum(size: int) -> Samples:
        time = np.arange(size) / SPEECH_RATE_HZ
        tones = [np.sin(2 * np.pi * 100 * k * time + k) / k for k in range(1, 8)]
        return np.asarray(np.sum(tones, axis=0) + 0.1 * hiss(size), np.float32)

    def clatter(size: int) -> Samples:
        """Three times a second something hard is put down, over a faint hiss."""
        heard = 0.02 * hiss(size)
        for place in random.integers(0, size, max(1, round(3 * size / SPEECH_RATE_HZ))):
            time = np.arange(min(round(0.08 * SPEECH_RATE_HZ), size - place)) / SPEECH_RATE_HZ
            ring = np.sin(2 * np.pi * random.uniform(800, 4000) * time) + 0.5 * hiss(len(time))
            heard[place : place + len(time)] += random.uniform(0.3, 1.0) * ring * np.exp(-time / 0.015)
        return heard

    def babble(size: int) -> Samples:
        """Eight others, without their pauses."""
        chosen = random.choice(len(others), 8, replace=False)
        talk = [others[place].samples[np.repeat(others[place].voice, FRAME)] for place in chosen]
        return np.asarray(np.sum([np.resize(each, size) for each in talk], axis=0), np.float32)

    return {"hiss": hiss, "hum": hum, "clatter": clatter, "babble": babble}


def _listen(model: MotionModel, heard: Samples, spoken: Spoken, outcome: Outcome) -> None:
    """The whole recording through the voice activity, and through the rule until that says stop."""
    likely: list[float] = []
    network = voice_activity(model)

    def activity(samples: Samples) -> list[float]:
        new = list(network(samples))
        likely.extend(new)
        return new

    endpoint, floor = Endpoint(activity, _SILENCE_S), NoiseFloor()
    stop_s = math.inf
    for start in range(0, len(heard), BLOCK):
        block = heard[start : start + BLOCK]
        levels = frame_levels(block)
        floor.push(levels)
        endpoint.push(block, levels, floor.db)
        if endpoint.finished and math.isinf(stop_s):
            stop_s = (start + BLOCK) / SPEECH_RATE_HZ
    said = np.asarray(likely) > 0.5
    true = spoken.voice[: len(said)]
    both = int((said & true).sum())
    outcome.frames.add(Count(both, int(true.sum()), both, int((said & ~true).sum())))
    late_s = stop_s - spoken.ends_s - _SILENCE_S
    outcome.early += stop_s < spoken.ends_s
    outcome.stopped += spoken.ends_s < stop_s and late_s <= _SOON_S
    outcome.late_s.append(late_s)


def _row(outcome: Outcome) -> Iterator[str]:
    count = outcome.frames
    late_s = float(np.median(outcome.late_s))
    yield f"{2 * count.recall * count.precision / (count.recall + count.precision):.2f}"
    yield f"{outcome.stopped} of {len(outcome.late_s)}"
    yield str(outcome.early)
    yield "never" if math.isinf(late_s) else f"{late_s:.1f} s"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--weights", type=Path, help="another network than the shipped one")
    model = load_motion_model(parser.parse_args().weights)
    random = np.random.default_rng(_SEED)
    spoken = _utterances(random)
    noises = _noises(random, spoken)
    conditions: list[tuple[str, int]] = [("none", 60), *((noise, snr) for noise in noises for snr in _SNRS_DB)]
    print("| noise | SNR | voice F1 | stops | early | late | in the room: voice F1 | stops | early | late |")
    print(f"|{'---|' * 10}")
    for noise, snr_db in conditions:
        dry, room = Outcome(), Outcome()
        for each in spoken:
            heard = noises["hiss" if noise == "none" else noise](len(each.samples))
            heard *= 0.1 * 10 ** (-snr_db / 20) / np.sqrt(np.mean(heard**2))
            _listen(model, each.samples + heard, each, dry)
            _listen(model, _reverberated(each.samples, random) + heard, each, room)
        level = "-" if noise == "none" else f"{snr_db} dB"
        print(f"| {' | '.join([noise, level, *_row(dry), *_row(room)])} |", flush=True)


if __name__ == "__main__":
    main()
