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
# Rimes that end in a consonant. Every consonant must also close a syllable, n, ng and k more often than m and p, as in
# the languages with word lists: from a voice that ends syllables on m and p alone the network learns that whatever
# ends one is said with the lips.
_CODAS_RU: Final = "ан он ин ен ун ак ок ик ек ал ил ол ас ес ат от ит ад ар ор ах ов уш ам ом им ап оп анк онг"
_CODAS_FI: Final = "an in on en un as is os us at et ot al el il ar er or ak ok ik am om ap"
_CODAS_CS: Final = (
    "an en in on un ak ek ik ok al el il ol as es is at et it ar or ad ech eš av am om im ap ep op ank ang ink ong"
)
_SYLLABLES: Final = {
    "ja": [
        *"かきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわんあいうえお",
        *"がぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽ", "きゃ", "しょ", "ちょ", "びょ", "みょ", "ぴゃ", "ふぁ",
    ],
    "ru": [
        *(c + r for c in "бвгджзклмнпрстфхчш" for r in [*"аеиоуыя" * 3, *_CODAS_RU.split()]),
        *["ст", "пр", "мп", "бр"] * 20,
    ],
    "fi": [c + r for c in "hjklmnprstv" for r in [*"aeiouäöy" * 2, "aa", "ii", "uu", *_CODAS_FI.split()]],
    "cs": [c + r for c in "bcčdfhjklmnpřrsštvzž" for r in [*"aeiouáí" * 3, "ou", *_CODAS_CS.split()]],
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
