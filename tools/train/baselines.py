"""What a motion network is compared with: baselines that need none, PocketSphinx, and controls made from the truth.

A `Predictor` turns mono 16 kHz samples into a track. `kiosk` makes a clean voice sound as it does in front of one.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from appliance.pipeline.mel import FRAME_HZ
from appliance.pipeline.motion import MotionModel
from appliance.pipeline.track import VISEMES, MotionTrack
from appliance.settings import SPEECH_RATE_HZ
from tools.train import corpus
from tools.train.measure import Truth, score, summary, truth_of
from tools.train.phones import LOOKS, from_festival

FPS: Final = 25.0
Samples = NDArray[np.float32]
Predictor = Callable[[Samples], MotionTrack]


def network(model: MotionModel, block_s: float = 0.1) -> Predictor:
    """A network, streaming in blocks."""
    size = round(block_s * SPEECH_RATE_HZ)

    def predict(samples: Samples) -> MotionTrack:
        stream = model.stream(FPS)
        parts = [stream.push(samples[start : start + size]) for start in range(0, len(samples), size)]
        return MotionTrack.joined([*parts, stream.finish()])

    return predict


def envelope(samples: Samples) -> MotionTrack:
    """Opening by loudness: the track that needs no network. Closed where it is under an eighth of its loud parts."""
    loud = np.exp(corpus.heard(samples)).sum(axis=1) ** 0.5
    opening = np.clip(loud / max(float(np.percentile(loud, 95)), 1e-6), 0, 1).astype(np.float32)
    vad = (opening > 0.08).astype(np.float32)
    low, high = np.percentile(opening, [2, 95])
    closed = (opening < low + 0.12 * (high - low)).astype(np.float32)
    zero = np.zeros_like(opening)
    return MotionTrack(FRAME_HZ, opening, closed, zero, zero, vad, np.where(vad > 0, VISEMES.index("A"), 0))


def pocketsphinx() -> Predictor | None:
    """The all-phone recogniser of PocketSphinx 5 with its own English model, or None where it is not installed."""
    try:
        sphinx: Any = importlib.import_module("pocketsphinx")
    except ImportError:
        return None
    decoder = sphinx.Decoder(
        hmm=sphinx.get_model_path("en-us/en-us"), allphone=sphinx.get_model_path("en-us/en-us-phone.lm.bin"),
        lm=None, lw=2.0, beam=1e-20, pbeam=1e-20, loglevel="FATAL",
    )  # fmt: skip

    def predict(samples: Samples) -> MotionTrack:
        decoder.start_utt()
        decoder.process_raw((np.clip(samples, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        decoder.end_utt()
        frames = int(np.ceil(len(samples) / 16000 * FRAME_HZ))
        phone = np.zeros(frames, np.uint8)
        names = list(LOOKS)
        for segment in decoder.seg() or []:
            known = sphinx_sounds(segment.word)
            if known:
                phone[segment.start_frame : segment.end_frame + 1] = names.index(known[0])
        return ideal(truth_of(phone))

    return predict


def sphinx_sounds(name: str) -> tuple[str, ...]:
    """The sounds of one of PocketSphinx's phones; none for silence and the noises, `SIL` and `+NSN+` for instance."""
    return from_festival(name.lower(), "radio") if name.isalpha() and name != "SIL" else ()


def ideal(truth: Truth) -> MotionTrack:
    """The track that says exactly what the truth says."""
    lips = (truth.viseme == VISEMES.index("PBM")).astype(np.float32)
    voiced = (truth.viseme > 0).astype(np.float32)
    zero = np.zeros_like(lips)
    return MotionTrack(FRAME_HZ, truth.opening, lips, zero, truth.rounding, voiced, truth.viseme.astype(np.int32))


def late(track: MotionTrack, seconds: float) -> MotionTrack:
    """The same track, shown later."""
    frames = round(seconds * track.fps)
    rest = MotionTrack.at_rest(track.fps, frames)
    return MotionTrack.joined([rest, track])[: len(track)]


def kiosk(voices: list[Samples], seed: int) -> list[Samples]:
    """Every utterance in a room of 0.4 s reverberation, with three others of the same voice 10 dB below it."""
    random = np.random.default_rng(seed)
    tail = random.standard_normal(6400) * np.exp(-6.9 * np.arange(6400) / 6400)
    response = np.concatenate([[1.0], 0.5 * tail / np.sqrt((tail**2).sum())])
    noisy = []
    for place, voice in enumerate(voices):
        others = [np.resize(voices[(place + k) % len(voices)], len(voice)) for k in (1, 2, 3)]
        crowd = np.sum(others, axis=0)
        wet = np.fft.irfft(np.fft.rfft(voice, 2**19) * np.fft.rfft(response, 2**19))[: len(voice)]
        gain = np.sqrt((wet**2).mean() / max((crowd**2).mean(), 1e-12)) * 10 ** (-10 / 20)
        noisy.append((wet + gain * crowd).astype(np.float32))
    return noisy


def utterances(voice: corpus.Voice, seconds: float, seed: int) -> tuple[list[Samples], list[Truth]]:
    """Fresh speech of a voice with its truth."""
    spoken = list(corpus.spoken(replace(voice, seconds=seconds), seed))
    return [samples for samples, _ in spoken], [truth_of(corpus.features(*pair)[1]) for pair in spoken]


def figures(predict: Predictor, voices: list[Samples], truths: list[Truth]) -> dict[str, float]:
    return summary([score(predict(samples), truth) for samples, truth in zip(voices, truths, strict=True)])
