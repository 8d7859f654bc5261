"""What the synthetic voices say: sentences that people wrote, and random words, so that no text has to be fetched.

Sentences come from Debian's fortune cookies; one in `_HELD_OUT` of them is for validation alone. Words come from
Debian's word lists, Mandarin phrases from pypinyin's own dictionary, and where there is no list (Japanese, Russian,
Finnish, Czech, Hindi, Telugu) from syllables that the language allows. All by seed.
"""

from __future__ import annotations

import functools
import re
import zlib
from pathlib import Path
from typing import Final

import numpy as np

from appliance.errors import UnhealthyError

_DICTIONARIES: Final = Path("/usr/share/dict")
_COOKIES: Final = Path("/usr/share/games/fortunes")
_FILES: Final = {
    "en": "cookie education food fortunes humorists kids law literature medicine people platitudes politics riddles "
          "science wisdom work",
    "cs": "cs/*", "de": "de/*", "es": "es/*", "it": "it/*", "pl": "pl/*", "pt": "brasil", "ru": "ru/*",
}  # fmt: skip
_HELD_OUT: Final = 8
_NATURAL: Final = 0.75
"""How much of the speech is sentences, where the language has any; the rest says what sentences seldom do."""
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
    # A consonant's letter carries a short a; a virama takes it away, and then it ends the syllable.
    "hi": [c + v + k for c in "कखगघचछजझटठडढतथदधनपफबभमयरलवशसह" for v in ["", *"ािीुूेो"]
           for k in ("", "", "", "", *(c + "्" for c in "नकलरतसम"))],
    "te": [c + v + k for c in "కఖగఘచఛజఝటఠడఢతథదధనపఫబభమయరలవశసహ" for v in ["", *"ాిీుూెేొో"]
           for k in ("", "", "", "", *(c + "్" for c in "నకలరతసమ"))],
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


@functools.cache
def sentences(language: str, held_out: bool) -> list[str]:
    """What people wrote, four to sixteen words each; none for a language without fortune cookies."""
    files = [path for name in _FILES.get(language, "").split() for path in sorted(_COOKIES.glob(name))]
    if language in _FILES and not files:
        raise UnhealthyError(f"no fortune cookies in {language}", hint="install tools/train/packages.txt")
    found: dict[str, None] = {}
    for path in files:
        if path.suffix not in ("", ".fortunes") or not path.is_file():
            continue
        # A signature ("-- Mark Twain") ends a cookie.
        for cookie in re.split(r"^%$", path.read_text(encoding="utf-8", errors="ignore"), flags=re.MULTILINE):
            text = " ".join(re.split(r"\n\s*--", cookie)[0].split())
            for each in re.findall(r"[^.!?]+[.!?]", text):
                words = each.strip(" .!?").split()
                plain = re.fullmatch(
                    r"[^\W\d_]+(['’][^\W\d_]+)?[,;:]?(?: [^\W\d_]+(['’][^\W\d_]+)?[,;:]?)*", " ".join(words)
                )
                if plain and 4 <= len(words) <= 16 and not any(w.isupper() and len(w) > 1 for w in words):
                    found[" ".join(words).rstrip(",;:") + "."] = None
    return [each for each in found if (zlib.crc32(each.encode()) % _HELD_OUT == 0) == held_out]


def random_words(language: str, random: np.random.Generator) -> str:
    """Three to nine words with a pause now and then."""
    text = ""
    for _ in range(random.integers(3, 10)):
        text += _word(language, random) + _PAUSES[random.integers(len(_PAUSES))]
    return text.strip(" ,") + "."


def sentence(language: str, random: np.random.Generator, held_out: bool = False) -> str:
    """A sentence that somebody wrote, or random words."""
    natural = sentences(language, held_out)
    if natural and random.random() < _NATURAL:
        return natural[random.integers(len(natural))]
    return random_words(language, random)
