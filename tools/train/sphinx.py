"""When each sound of known words is said, by PocketSphinx 5: another recogniser, which other people taught.

What it cannot align (a word that it does not know, a line that is said otherwise) has no truth. Raises `UnhealthyError`
without PocketSphinx.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy as np

from appliance.errors import UnhealthyError
from appliance.pipeline.mel import FRAME_HZ
from tools.train.baselines import Samples, sphinx_sounds
from tools.train.measure import Truth, truth_of
from tools.train.phones import INDEX


class Aligner:
    """The recogniser with its English model."""

    def __init__(self) -> None:
        try:
            sphinx: Any = importlib.import_module("pocketsphinx")
        except ImportError as error:
            raise UnhealthyError("PocketSphinx is not installed", hint="pip install --editable '.[voices]'") from error
        self._decoder = sphinx.Decoder(loglevel="FATAL")

    def aligned(self, samples: Samples, text: str) -> Truth | None:
        """The truth of English speech at 16 kHz. First the words are found, then the sounds in them."""
        words = re.findall(r"[a-z']+", text.lower().replace("\u2019", "'"))
        if not words or any(self._decoder.lookup_word(word) is None for word in words):
            return None
        raw = (samples * 32767).astype(np.int16).tobytes()
        try:
            self._decoder.set_align_text(" ".join(words))
            self._decode(raw)
            self._decoder.set_alignment()
            self._decode(raw)
        except RuntimeError:
            return None
        phone = np.zeros(int(np.ceil(len(samples) / 16000 * FRAME_HZ)), np.uint8)
        for word in self._decoder.get_alignment() or ():
            for sound in word:
                known = sphinx_sounds(sound.name)
                parts = np.array_split(np.arange(sound.start, sound.start + sound.duration), max(len(known), 1))
                for part, name in zip(parts, known, strict=False):
                    phone[part[part < len(phone)]] = INDEX[name]
        return truth_of(phone) if phone.any() else None

    def _decode(self, raw: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(raw, full_utt=True)
        self._decoder.end_utt()
