"""A real person that no training hears, with the times of what she says: the heroine of the game's dialogues.

The words are known, and PocketSphinx 5, another recogniser that other people taught, says when each of its sounds is
said; what it cannot align (a word that it does not know, a line that she says otherwise) is left out.
Raises `UnhealthyError` without PocketSphinx or the game.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np

from appliance.errors import UnhealthyError
from appliance.pipeline.mel import FRAME_HZ
from tools.train import dialogues
from tools.train.baselines import Samples, sphinx_sounds
from tools.train.measure import Truth, truth_of
from tools.train.phones import INDEX
from tools.train.sound import decoded, levelled


def utterances() -> tuple[list[Samples], list[Truth]]:
    """Her lines at 16 kHz, and the truth of each."""
    if not dialogues.GAME.is_file():
        raise UnhealthyError("the game's dialogues are not installed", hint="apt install flight-of-the-amazon-queen")
    try:
        sphinx: Any = importlib.import_module("pocketsphinx")
    except ImportError as error:
        raise UnhealthyError("PocketSphinx is not installed", hint="pip install --editable '.[train]'") from error
    decoder = sphinx.Decoder(loglevel="FATAL")
    lines, truths = [], []
    for said in dialogues.spoken(dialogues.GAME):
        if said.speaker == dialogues.HEROINE:
            samples = levelled(decoded(said.sound))
            truth = _aligned(decoder, samples, said.text)
            if truth is not None:
                lines.append(samples)
                truths.append(truth)
    return lines, truths


def _aligned(decoder: Any, samples: Samples, text: str) -> Truth | None:
    """First the words, then the sounds in them."""
    words = re.findall(r"[a-z']+", text.lower().replace("\u2019", "'"))
    if not words or any(decoder.lookup_word(word) is None for word in words):
        return None
    raw = (samples * 32767).astype(np.int16).tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _decode(decoder, raw)
        decoder.set_alignment()
        _decode(decoder, raw)
    except RuntimeError:
        return None
    phone = np.zeros(int(np.ceil(len(samples) / 16000 * FRAME_HZ)), np.uint8)
    for word in decoder.get_alignment() or ():
        for sound in word:
            known = sphinx_sounds(sound.name)
            parts = np.array_split(np.arange(sound.start, sound.start + sound.duration), max(len(known), 1))
            for part, name in zip(parts, known, strict=False):
                phone[part[part < len(phone)]] = INDEX[name]
    return truth_of(phone) if phone.any() else None


def _decode(decoder: Any, raw: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()
