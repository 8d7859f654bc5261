"""One table of speech sounds for every language, and how each synthesiser's symbols map onto it.

A `Segment` is a stretch of one sound in seconds. `LOOKS` says what the mouth does for it: viseme, opening, width and
rounding in the units of `appliance.pipeline.track`. The openings follow the usual order of jaw heights (open vowels
over mid over close, sibilants nearly shut); only their order and rough ratio matter, the avatar scales them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final, NamedTuple

from appliance.pipeline.track import VISEMES


class Segment(NamedTuple):
    start: float
    end: float
    phone: str


class Look(NamedTuple):
    viseme: str
    opening: float
    width: float
    rounding: float


LOOKS: Final[dict[str, Look]] = {
    "sil": Look("SIL", 0.0, 0.0, 0.0),
    "p": Look("PBM", 0.0, 0.0, 0.0),
    "b": Look("PBM", 0.0, 0.0, 0.0),
    "m": Look("PBM", 0.0, 0.0, 0.0),
    "f": Look("FV", 0.12, 0.1, 0.0),
    "v": Look("FV", 0.12, 0.1, 0.0),
    "th": Look("TH", 0.25, 0.1, 0.0),
    "dh": Look("TH", 0.25, 0.1, 0.0),
    "t": Look("ALV", 0.25, 0.2, 0.0),
    "d": Look("ALV", 0.25, 0.2, 0.0),
    "n": Look("ALV", 0.25, 0.1, 0.0),
    "s": Look("ALV", 0.18, 0.3, 0.0),
    "z": Look("ALV", 0.18, 0.3, 0.0),
    "l": Look("ALV", 0.32, 0.1, 0.0),
    "r": Look("SHR", 0.3, -0.1, 0.3),
    "rr": Look("VEL", 0.38, 0.0, 0.0),
    "k": Look("VEL", 0.32, 0.0, 0.0),
    "g": Look("VEL", 0.32, 0.0, 0.0),
    "ng": Look("VEL", 0.3, 0.0, 0.0),
    "h": Look("VEL", 0.4, 0.0, 0.0),
    "sh": Look("SHR", 0.22, -0.2, 0.5),
    "zh": Look("SHR", 0.22, -0.2, 0.5),
    "j": Look("I", 0.28, 0.5, 0.0),
    "w": Look("U", 0.2, -0.6, 1.0),
    "i": Look("I", 0.35, 0.7, 0.0),
    "ih": Look("I", 0.42, 0.5, 0.0),
    "e": Look("E", 0.6, 0.5, 0.0),
    "ae": Look("A", 0.85, 0.4, 0.0),
    "a": Look("A", 1.0, 0.1, 0.0),
    "ah": Look("A", 0.75, 0.1, 0.0),
    "ax": Look("A", 0.5, 0.1, 0.0),
    "er": Look("E", 0.45, 0.0, 0.3),
    "o": Look("O", 0.65, -0.4, 0.7),
    "u": Look("U", 0.3, -0.6, 1.0),
    "y": Look("U", 0.3, -0.4, 0.9),
    "oe": Look("O", 0.5, -0.3, 0.7),
}
PHONES: Final = tuple(LOOKS)
INDEX: Final = {phone: index for index, phone in enumerate(PHONES)}
VISEME_OF: Final = tuple(VISEMES.index(LOOKS[phone].viseme) for phone in PHONES)
SEALED: Final = ("p", "b", "m")
VOICELESS_STOPS: Final = ("p", "t", "k")

_IPA_LETTERS: Final = {
    "p": "pɸ", "b": "b", "m": "mɱ", "f": "f", "v": "vʋⱱβ", "th": "θ", "dh": "ð",
    "t": "tʈʇ", "d": "dɖɗ", "n": "nɳɲȵ", "s": "sʂɬ", "z": "zʐɮ", "l": "lɭʎɫɺ", "r": "rɹɾɻɽ", "rr": "ʁʀχ",
    "k": "kqc", "g": "gɡɟɢɣ", "ng": "ŋɴ", "h": "hɦħxçʔʕ", "sh": "ʃɕ", "zh": "ʒʑ", "j": "jʝ", "w": "wʍɥɰ",
    "i": "iɨ", "ih": "ɪᵻ", "e": "eɛɘ", "ae": "æ", "a": "aɑɒ", "ah": "ʌɐ", "ax": "əɤ", "er": "ɚɝɜ",
    "o": "oɔ", "u": "uʊɯʉ", "y": "yʏ", "oe": "øœɵɞ",
}  # fmt: skip
_IPA: Final = {letter: phone for phone, letters in _IPA_LETTERS.items() for letter in letters}

# Symbols of the festival phone sets; what is not here goes by its letters, like IPA.
_FESTIVAL: Final = {
    "pau": "sil", "#": "sil", "h#": "sil", "##": "sil", "brth": "sil", "_": "sil", "@": "ax", "7": "oe",
    "&": "ae",
    "aa": "a", "ah": "ah", "ao": "o", "aw": "a u", "ax": "ax", "axr": "er", "ay": "a ih", "ch": "t sh", "dx": "d",
    "eh": "e", "el": "ax l", "em": "m", "en": "n", "er": "er", "ey": "e ih", "hh": "h", "hv": "h",
    "ih": "ih", "iy": "i", "jh": "d zh", "nx": "n", "ng": "ng", "ow": "o u", "oy": "o ih", "sh": "sh",
    "th": "th", "dh": "dh", "uh": "u", "uw": "u", "y": "j", "zh": "zh", "ae": "ae",
}  # fmt: skip
_BY_SET: Final[dict[str, dict[str, str]]] = {
    "radio": {},
    "italian": {"E": "e", "O": "o", "S": "sh", "Z": "zh", "J": "n", "L": "l", "nf": "n", "ts": "t s", "tS": "t sh",
                "dz": "d z", "dZ": "d zh", "ng": "ng"},
    "finnish": {"S": "sh", "T": "th", "N": "ng", "L": "l", "D": "dh", "Z": "zh", "j": "j", "y": "y"},
    "czech": {"c": "t s", "c~": "t sh", "ch": "h", "d~": "d j", "dz": "d z", "dz~": "d zh", "n*": "ng", "n~": "n",
              "r~": "r zh", "r~*": "r sh", "s~": "sh", "t~": "t j", "z~": "zh", "y": "i", "_": "sil"},
    "catalan": {"E": "e", "O": "o", "S": "sh", "Z": "zh", "J": "n", "L": "l", "rr": "r", "ax": "ax"},
    "indian": {"a": "ah", "aa": "a", "th": "t", "dh": "d", "ddh": "d", "T": "t", "D": "d", "N": "n", "ny": "n",
               "bh": "b", "kh": "k", "oh": "o", "uh": "u", "j": "d zh", "ay": "a ih"},
    "russian": {"y": "ih", "yy": "ih", "ii": "i", "uu": "u", "ee": "e", "oo": "o", "aa": "a", "ae": "ax", "ay": "ih",
                "ur": "u", "c": "t s", "ch": "t sh", "sh": "sh", "sch": "sh", "zh": "zh", "h": "h", "j": "j",
                **{c + c: c for c in "pbtdkgfvszhmnlr"}},
}  # fmt: skip


def from_ipa(symbol: str) -> tuple[str, ...]:
    """The sounds of one IPA symbol, a diphthong or affricate as two; nothing for marks alone."""
    letters = unicodedata.normalize("NFD", symbol)
    return tuple(_IPA[letter] for letter in letters if letter in _IPA)


def from_festival(symbol: str, phone_set: str) -> tuple[str, ...]:
    """The sounds of one festival segment name."""
    bare = symbol.rstrip("1:")
    mapped = _BY_SET[phone_set].get(bare) or _FESTIVAL.get(bare)
    return tuple(mapped.split()) if mapped else from_ipa(bare)


def split(start: float, end: float, phones: tuple[str, ...]) -> list[Segment]:
    """Equal shares of a stretch for the parts of a diphthong or affricate."""
    step = (end - start) / max(len(phones), 1)
    return [Segment(start + i * step, start + (i + 1) * step, phone) for i, phone in enumerate(phones)]


def tiled(ended: Iterable[tuple[str, float]], phone_set: str) -> list[Segment]:
    """The segments that tile a signal, of festival's names and when each ends; a name that is no sound is silence."""
    segments: list[Segment] = []
    start = 0.0
    for name, end in ended:
        segments += split(start, end, from_festival(name, phone_set) or ("sil",))
        start = end
    return segments
