"""Real voices from Debian's packages, and what they say.

`klettres-data`: letters, syllables and words by a speaker a language; `sounds.xml` writes each one down. espeak-ng's
text front end turns the writing into sounds. `asterisk-core-sounds-{fr,it,ru}-g722`: studio prompts, some of whose
names say what is said (digits, months); nobody wrote down the others, so they are labelled by the network itself.

The Spanish prompts are left out on purpose: their speaker also reads the English ones, which are for acceptance.
"""

from __future__ import annotations

import string
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.train.espeak import Espeak

_KLETTRES: Final = Path("/usr/share/klettres")
_PROMPTS: Final = Path("/usr/share/asterisk/sounds")
_SPEAKERS: Final = {
    "cs": "cs", "da": "da", "de": "de", "en": "en-us", "en_GB": "en-gb-x-rp", "es": "es", "fr": "fr", "hu": "hu",
    "it": "it", "lt": "lt", "ml": "ml", "nb": "nb", "nds": "de", "nl": "nl", "pt_BR": "pt-br", "ru": "ru", "tn": "tn",
    "uk": "uk",
}  # fmt: skip
HELD_OUT: Final = ("pt_BR", "en")
"""Klettres speakers that no stage of training hears."""
PROMPT_FOLDERS: Final = {"fr_CA_f_June": "fr", "it_IT_m_Carlo": "it", "ru_RU_f_IvrvoiceRU": "ru"}
_NUMBERS: Final = (*range(20), *range(20, 100, 10))
_DIGITS: Final = {
    "fr": "zéro,un,deux,trois,quatre,cinq,six,sept,huit,neuf,dix,onze,douze,treize,quatorze,quinze,seize,dix-sept,"
          "dix-huit,dix-neuf,vingt,trente,quarante,cinquante,soixante,soixante-dix,quatre-vingts,quatre-vingt-dix",
    "it": "zero,uno,due,tre,quattro,cinque,sei,sette,otto,nove,dieci,undici,dodici,tredici,quattordici,quindici,sedici,"
          "diciassette,diciotto,diciannove,venti,trenta,quaranta,cinquanta,sessanta,settanta,ottanta,novanta",
    "ru": "ноль,один,два,три,четыре,пять,шесть,семь,восемь,девять,десять,одиннадцать,двенадцать,тринадцать,"
          "четырнадцать,пятнадцать,шестнадцать,семнадцать,восемнадцать,девятнадцать,двадцать,тридцать,сорок,пятьдесят,"
          "шестьдесят,семьдесят,восемьдесят,девяносто",
}  # fmt: skip
_DAYS: Final = {
    "fr": "dimanche,lundi,mardi,mercredi,jeudi,vendredi,samedi",
    "it": "domenica,lunedì,martedì,mercoledì,giovedì,venerdì,sabato",
}
_MONTHS: Final = {
    "fr": "janvier,février,mars,avril,mai,juin,juillet,août,septembre,octobre,novembre,décembre",
    "it": "gennaio,febbraio,marzo,aprile,maggio,giugno,luglio,agosto,settembre,ottobre,novembre,dicembre",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording; `phones` is what is said, or None where nobody wrote it down."""

    speaker: str
    path: Path
    phones: list[str] | None


def clips() -> Iterator[Clip]:
    """Every usable recording of the installed packages, held-out speakers too."""
    espeak = Espeak()
    for speaker, voice in _SPEAKERS.items():
        index = _KLETTRES / speaker / "sounds.xml"
        if not index.is_file():
            continue
        for sound in ET.parse(index).iter("sound"):  # noqa: S314 - a file of an installed package
            text, path = (sound.get("name") or "").lower(), _KLETTRES / (sound.get("file") or "")
            phones = _said(espeak, text, voice) if path.is_file() else []
            if phones:
                yield Clip(f"klettres-{speaker}", path, phones)
    for folder, language in PROMPT_FOLDERS.items():
        known = _known(language)
        for path in sorted((_PROMPTS / folder).rglob("*.g722")):
            if "silence" in path.parts or "tone" in path.stem or "beep" in path.stem or "monkeys" in path.stem:
                continue
            word = known.get(f"{path.parent.name}/{path.stem}")
            yield Clip(folder, path, _said(espeak, word, language) if word else None)


def _known(language: str) -> dict[str, str]:
    """The prompts whose names say what is said."""
    known = {f"digits/{number}": word for number, word in zip(_NUMBERS, _DIGITS[language].split(","), strict=True)}
    known |= {f"letters/{letter}": letter for letter in string.ascii_lowercase if language != "ru"}
    if language in _DAYS:
        known |= {f"digits/day-{number}": word for number, word in enumerate(_DAYS[language].split(","))}
        known |= {f"digits/mon-{number}": word for number, word in enumerate(_MONTHS[language].split(","))}
    return known


def _said(espeak: Espeak, text: str, voice: str) -> list[str]:
    """The sounds that espeak's front end finds in a text."""
    _, segments = espeak.say(text, voice)
    return [segment.phone for segment in segments if segment.phone != "sil"]
