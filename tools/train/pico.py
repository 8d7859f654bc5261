"""SVOX Pico's statistical voices as a source of speech, through the C library.

`Pico.say` returns mono float32 at `RATE_HZ`. The library tells nobody when it says what, so its speech is labelled as a
person's is; what is said comes from espeak-ng's front end.

`root` is where tools/train/extra_packages.sh unpacked the packages. Raises `UnhealthyError` where they are not there.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError

RATE_HZ: Final = 16000
_MEMORY: Final = 5_000_000
_BUSY: Final = 201
_VOICE: Final = b"voice"
_NAME_SIZE: Final = 200
_CHUNK: Final = 4096


class Lingware(NamedTuple):
    """A voice: the names of its files, the language of its texts, and espeak-ng's voice that pronounces likewise."""

    text: str
    signal: str
    language: str
    accent: str


VOICES: Final = {
    "pico-us": Lingware("en-US_ta", "en-US_lh0_sg", "en", "en-us"),
    "pico-gb": Lingware("en-GB_ta", "en-GB_kh0_sg", "en", "en-gb-x-rp"),
    "pico-de": Lingware("de-DE_ta", "de-DE_gl0_sg", "de", "de"),
    "pico-es": Lingware("es-ES_ta", "es-ES_zl0_sg", "es", "es"),
    "pico-fr": Lingware("fr-FR_ta", "fr-FR_nk0_sg", "fr", "fr"),
    "pico-it": Lingware("it-IT_ta", "it-IT_cm0_sg", "it", "it"),
}


class Pico:
    """The synthesiser with one voice."""

    def __init__(self, voice: Lingware, root: Path) -> None:
        library = next(iter((root / "usr/lib").glob("*-linux-gnu*/libttspico.so.0")), None)
        files = [root / f"usr/share/pico/lang/{name}.bin" for name in (voice.text, voice.signal)]
        if library is None or not all(path.is_file() for path in files):
            raise UnhealthyError(f"Pico's {voice.text} is not in {root}", hint="run tools/train/extra_packages.sh")
        self._library = ctypes.CDLL(str(library))
        self._memory = ctypes.create_string_buffer(_MEMORY)
        self._system, self._engine = ctypes.c_void_p(), ctypes.c_void_p()
        self._done("pico_initialize", self._memory, _MEMORY, ctypes.byref(self._system))
        self._done("pico_createVoiceDefinition", self._system, _VOICE)
        for path in files:
            resource, name = ctypes.c_void_p(), ctypes.create_string_buffer(_NAME_SIZE)
            self._done("pico_loadResource", self._system, str(path).encode(), ctypes.byref(resource))
            self._done("pico_getResourceName", self._system, resource, name)
            self._done("pico_addResourceToVoiceDefinition", self._system, _VOICE, name)
        self._done("pico_newEngine", self._system, _VOICE, ctypes.byref(self._engine))

    def say(self, text: str, *, speed: int = 100, pitch: int = 100) -> NDArray[np.float32]:
        """`speed` and `pitch` are in percent of the voice's own."""
        marked = f'<speed level="{speed}"><pitch level="{pitch}">{escape(text)}</pitch></speed>'.encode() + b"\0"
        taken, kind = ctypes.c_int16(), ctypes.c_int16()
        chunk, sound = ctypes.create_string_buffer(_CHUNK), b""
        while marked:
            self._done("pico_putTextUtf8", self._engine, marked, len(marked), ctypes.byref(taken))
            marked = marked[taken.value :]
            busy = True
            while busy:
                status = self._library.pico_getData(
                    self._engine, chunk, _CHUNK, ctypes.byref(taken), ctypes.byref(kind)
                )
                sound += chunk.raw[: taken.value]
                busy = status == _BUSY
        return np.frombuffer(sound, np.int16).astype(np.float32) / np.float32(32768)

    def _done(self, function: str, *arguments: object) -> None:
        status = getattr(self._library, function)(*arguments)
        if status:
            raise UnhealthyError(f"{function} of Pico failed with {status}", hint="run tools/train/extra_packages.sh")
