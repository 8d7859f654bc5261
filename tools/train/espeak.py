"""espeak-ng through its C library: speech with the exact time of every phoneme.

`Espeak.say` returns mono float32 at `Espeak.rate_hz` and `Segment`s that tile it. espeak reports where a phoneme's
own sound begins, and for a voiceless stop that is its *burst*; the silence of the closure (35 to 40 ms between vowels)
lies in front of it. So its start is moved `CLOSURE_S` earlier, but never past the middle of the sound before. Voiced
stops begin with their murmur, which is the closure, and stay where they are.

One process holds one espeak (the library has global state). Raises `UnhealthyError` without the library.
"""

from __future__ import annotations

import ctypes
import logging
from typing import Final

import numpy as np
from numpy.typing import NDArray

from appliance.capture import complaints
from appliance.errors import UnhealthyError
from tools.train.phones import VOICELESS_STOPS, Segment, from_ipa, split

_log = logging.getLogger(__name__)

CLOSURE_S: Final = 0.04
_SYNCHRONOUS: Final = 2
_PHONEME_EVENTS_IPA: Final = 3
_UTF8: Final = 1
_EVENT_END_OF_LIST: Final = 0
_EVENT_PHONEME: Final = 7
_IPA_TIED: Final = 0x82 | ord("^") << 8
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4


class _Id(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The synthesiser; `voice` is a language with an optional variant, for example `fr+f2`."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise UnhealthyError("espeak-ng is not installed", hint="apt install libespeak-ng1") from error
        self.rate_hz = int(self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS_IPA))
        self._chunks: list[NDArray[np.int16]] = []
        self._marks: list[tuple[int, str]] = []
        self._callback = _CALLBACK(self._receive)
        self._library.espeak_SetSynthCallback(self._callback)

    def _receive(self, samples: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]) -> int:
        if samples and count > 0:
            self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        place = 0
        while events[place].type != _EVENT_END_OF_LIST:
            event = events[place]
            if event.type == _EVENT_PHONEME:
                # A full 8 bytes carry no terminator, so the union is read as raw bytes.
                raw = ctypes.string_at(ctypes.addressof(event.id), 8).split(b"\0")[0]
                self._marks.append((event.sample, raw.decode("utf-8", "ignore")))
            place += 1
        return 0

    def say(
        self, text: str, voice: str, *, words_per_minute: int = 165, pitch: int = 50, pitch_range: int = 50
    ) -> tuple[NDArray[np.float32], list[Segment]]:
        library = self._library
        self._speak_as(voice)
        library.espeak_SetParameter(_RATE, words_per_minute, 0)
        library.espeak_SetParameter(_PITCH, pitch, 0)
        library.espeak_SetParameter(_RANGE, pitch_range, 0)
        self._chunks, self._marks = [], []
        data = text.encode() + b"\0"
        library.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
        samples = np.concatenate(self._chunks) if self._chunks else np.zeros(0, np.int16)
        return samples.astype(np.float32) / np.float32(32768), self._segments(len(samples))

    def ipa(self, text: str, voice: str) -> list[str]:
        """How each clause of the text is pronounced; `^` ties the letters of a diphthong or an affricate."""
        self._speak_as(voice)
        speak = self._library.espeak_TextToPhonemes
        speak.restype = ctypes.c_char_p
        rest = ctypes.c_char_p(text.encode())
        clauses = []
        while rest.value:
            clauses.append(speak(ctypes.byref(rest), _UTF8, _IPA_TIED).decode())
        return clauses

    def _speak_as(self, voice: str) -> None:
        # It complains of a small dictionary whenever a voice has one.
        with complaints.logged(_log):
            missing = self._library.espeak_SetVoiceByName(voice.encode())
        if missing:
            raise UnhealthyError(f"espeak-ng has no voice {voice}", hint="apt install espeak-ng-data")

    def _segments(self, length: int) -> list[Segment]:
        """The reported sounds as segments that tile the signal; pauses and the unknown are silence."""
        marks = sorted(self._marks, key=lambda mark: mark[0])
        times = [sample / self.rate_hz for sample, _ in marks] + [length / self.rate_hz]
        parts = [Segment(0.0, times[0], "sil")] if times[0] > 0 else []
        for (_, symbol), start, end in zip(marks, times, times[1:], strict=False):
            if end - start < 1e-4:
                continue
            known = from_ipa(symbol)
            if known:
                parts += split(start, end, known)
            elif symbol and parts:  # a length or palatalisation mark prolongs what it follows
                parts[-1] = parts[-1]._replace(end=end)
            else:
                parts.append(Segment(start, end, "sil"))
        for place in range(1, len(parts)):
            before, stop = parts[place - 1], parts[place]
            if stop.phone in VOICELESS_STOPS and before.phone != stop.phone:
                limit = before.start if before.phone == "sil" else (before.start + before.end) / 2
                start = max(stop.start - CLOSURE_S, limit)
                parts[place - 1], parts[place] = before._replace(end=start), stop._replace(start=start)
        return parts
