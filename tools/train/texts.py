"""What the synthetic voices say: random words of a language, so that no text has to be fetched.

Words come from Debian's word lists, Mandarin phrases from pypinyin's own dictionary, and where there is no list
(Japanese, Russian, Finnish, Czech) from syllables that the language allows. All by seed.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Final

import numpy as np

from appliance.errors import UnhealthyError

_DICTIONARIES: Final = Path("/usr/share/dict")
_LISTS: Final = {
    "en": "american-english", "es": "spanish", "fr": "french", "de": "ngerman", "it": "italian", "nl": "dutch",
    "sv": "swedish", "pt": "portuguese", "ca": "catalan", "uk": "ukrainian", "pl": "polish",
}  # fmt: skip
_SYLLABLES: Final = {
    "ja": [
        *"かきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわんあいうえお",
        *"がぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽ", "きゃ", "しょ", "ちょ", "びょ", "みょ", "ぴゃ", "ふぁ",
    ],
    "ru": [c + v for c in "бвгджзклмнпрстфхчш" for v in "аеиоуыяю"] + ["ст", "пр", "мп", "бр"],
    "fi": [c + v for c in "hjklmnprstv" for v in [*"aeiouäöy", "aa", "ii", "uu", "an", "in"]],
    "cs": [c + v for c in "bcčdfhjklmnpřrsštvzž" for v in [*"aeiouáí", "ou", "am", "ep"]],
}  # fmt: skip
_PAUSES: Final = (", ", " ", " ", " ", " ", " ")


@functools.cache
def words(language: str) -> list[str]:
    """The word list of a language, without names, abbreviations and apostrophes."""
    path = _DICTIONARIES / _LISTS[language]
    if not path.is_file():
        raise UnhealthyError(f"the word list {path} is missing", hint="install tools/train/packages.txt")
    lines = path.read_text(encoding="utf-8", errors="ignore").split("\n")
    if len(lines) > 400_000:
        lines = lines[:: len(lines) // 400_000]
    found = [line.split("/")[0] for line in lines]
    return [word for word in found if 2 <= len(word) <= 13 and word.isalpha() and (word.islower() or language == "de")]


@functools.cache
def _mandarin() -> list[tuple[str, ...]]:
    from pypinyin import Style, phrases_dict, pinyin

    keys = sorted(phrases_dict.phrases_dict)[::9]
    return [
        tuple(part[0] for part in pinyin(key, style=Style.TONE3, neutral_tone_with_five=True))
        for key in keys
        if key.isalpha() and len(key) <= 5
    ]


def _word(language: str, random: np.random.Generator) -> str:
    if language == "cmn":
        return " ".join(_mandarin()[random.integers(len(_mandarin()))])
    if language in _SYLLABLES:
        syllables = _SYLLABLES[language]
        return "".join(syllables[i] for i in random.integers(len(syllables), size=random.integers(1, 5)))
    return words(language)[random.integers(len(words(language)))]


def sentence(language: str, random: np.random.Generator) -> str:
    """Three to nine words with a pause now and then."""
    text = ""
    for _ in range(random.integers(3, 10)):
        text += _word(language, random) + _PAUSES[random.integers(len(_PAUSES))]
    return text.strip(" ,") + "."
