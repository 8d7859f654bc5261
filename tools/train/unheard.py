"""English that no training hears, and whose truth is PocketSphinx's alignment of known words: a person and two voices.

The person is the heroine of the game's dialogues; the voices are those of Kokoro that are held out. Left out are
utterances of which the aligner lost a part, which its silences betray by their loudness.
Raises `UnhealthyError` without PocketSphinx, the game or Kokoro.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import numpy as np

from appliance.errors import UnhealthyError
from appliance.pipeline.mel import FRAME_HZ
from tools.train import corpus, dialogues, takes
from tools.train.baselines import Samples
from tools.train.measure import Truth, apart
from tools.train.sound import decoded, levelled
from tools.train.sphinx import Aligner

_VOICES: Final = Path("build/train/kokoro")
_LEFT_OVER_S: Final = 0.05


def heroine() -> tuple[list[Samples], list[Truth]]:
    """Her lines at 16 kHz, and the truth of each."""
    if not dialogues.GAME.is_file():
        raise UnhealthyError("the game's dialogues are not installed", hint="apt install flight-of-the-amazon-queen")
    return aligned(
        (said.text, levelled(decoded(said.sound)))
        for said in dialogues.spoken(dialogues.GAME)
        if said.speaker == dialogues.HEROINE
    )


def neural(voice: str, seconds: float, seed: int) -> tuple[list[Samples], list[Truth]]:
    """About so much of one of Kokoro's voices at 16 kHz, and the truth of each utterance."""
    said: list[tuple[str, Samples]] = []
    for text, sound, _ in takes.spoken(voice, _VOICES, seed):
        said.append((text, sound))
        if sum(len(each) for _, each in said) >= seconds * 16000:
            return aligned(said)
    return [], []


def aligned(said: Iterable[tuple[str, Samples]]) -> tuple[list[Samples], list[Truth]]:
    """The utterances that could be aligned, from their first sound to their last."""
    aligner = Aligner()
    found = [(sound, truth) for text, sound in said if (truth := aligner.aligned(sound, text)) is not None]
    kept = [(sound, truth) for sound, truth in found if whole(sound, truth)]
    return [sound for sound, _ in kept], [truth for _, truth in kept]


def whole(sound: Samples, truth: Truth) -> bool:
    """Whether nothing is said in what the truth calls silence: at most `_LEFT_OVER_S` of it as loud as its sounds."""
    loudness, voiced = corpus.heard(sound).mean(axis=1)[: len(truth.viseme)], truth.viseme > 0
    voiced = voiced[: len(loudness)]
    left_over = apart(voiced) & (loudness > np.median(loudness[voiced]))
    return bool(left_over.sum() <= _LEFT_OVER_S * FRAME_HZ)
