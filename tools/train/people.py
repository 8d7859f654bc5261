"""Real voices from Debian's packages, and what they say.

`klettres-data`: letters, syllables and words by a speaker a language; `sounds.xml` writes each one down. The dialogues
of two games (`dialogues`, `steel_sky`) and the names of a paint program's stamps (`stamps`) come with their texts.
espeak-ng's text front end turns the writing into sounds. `asterisk-core-sounds-{fr,it,ru}-g722`: studio prompts, some
of whose names say what is said (digits, months); nobody wrote down the others, so they are labelled by the network
itself.

The Spanish prompts are left out on purpose: their speaker also reads the English ones, which are for acceptance.
"""

from __future__ import annotations

import string
import xml.etree.ElementTree as ET
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools.train import dialogues, stamps, steel_sky
from tools.train.espeak import Espeak

_KLETTRES: Final = Path("/usr/share/klettres")
_PROMPTS: Final = Path("/usr/share/asterisk/sounds")
_SPEAKERS: Final = {
    "cs": "cs", "da": "da", "de": "de", "en": "en-us", "en_GB": "en-gb-x-rp", "es": "es", "fr": "fr", "hu": "hu",
    "it": "it", "lt": "lt", "ml": "ml", "nb": "nb", "nds": "de", "nl": "nl", "pt_BR": "pt-br", "ru": "ru", "tn": "tn",
    "uk": "uk",
}  # fmt: skip
GROUPS: Final = ("people", "stamps", "dialogues")
HELD_OUT: Final = ("klettres-pt_BR", "klettres-en", "stamps-da", f"game-{dialogues.HEROINE}")
"""Speakers that no stage of training hears."""
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


_STAMPS: Final = {"en": "en-us"}
"""espeak-ng's voice for a language of the stamps, where it has another name."""


@dataclass(frozen=True, slots=True)
class Script:
    """What is said: the sounds, and the places among them before which there may be a pause."""

    phones: list[str]
    breaks: set[int]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording: a file, or what would be in one; `script` is None where nobody wrote it down."""

    group: str
    speaker: str
    sound: Path | bytes
    script: Script | None


def clips(groups: Collection[str] = GROUPS) -> Iterator[Clip]:
    """Every usable recording of the installed packages, speaker after speaker, the held-out ones too."""
    espeak = Espeak()
    if "people" in groups:
        yield from _letters(espeak)
        yield from _prompts(espeak)
    if "stamps" in groups:
        yield from _stamps(espeak)
    if "dialogues" in groups:
        yield from _dialogues(espeak)


def _letters(espeak: Espeak) -> Iterator[Clip]:
    for speaker, voice in _SPEAKERS.items():
        index = _KLETTRES / speaker / "sounds.xml"
        if not index.is_file():
            continue
        for sound in ET.parse(index).iter("sound"):  # noqa: S314 - a file of an installed package
            path = _KLETTRES / (sound.get("file") or "")
            if path.is_file():
                yield from _clip(
                    espeak, "people", f"klettres-{speaker}", path, (sound.get("name") or "").lower(), voice
                )


def _prompts(espeak: Espeak) -> Iterator[Clip]:
    for folder, language in PROMPT_FOLDERS.items():
        known = _known(language)
        for path in sorted((_PROMPTS / folder).rglob("*.g722")):
            if "silence" in path.parts or "tone" in path.stem or "beep" in path.stem or "monkeys" in path.stem:
                continue
            word = known.get(f"{path.parent.name}/{path.stem}")
            if word:
                yield from _clip(espeak, "people", folder, path, word, language)
            else:
                yield Clip("people", folder, path, None)


def _stamps(espeak: Espeak) -> Iterator[Clip]:
    for language in stamps.LANGUAGES:
        for path, text in stamps.named(language):
            yield from _clip(espeak, "stamps", f"stamps-{language}", path, text, _STAMPS.get(language, language))


def _dialogues(espeak: Espeak) -> Iterator[Clip]:
    games: list[tuple[str, str, Iterator[dialogues.Said]]] = []
    if dialogues.GAME.is_file():
        games.append(("game", "en-us", dialogues.spoken(dialogues.GAME)))
    if steel_sky.GAME.is_dir():
        games.append(("sky", "en-gb-x-rp", steel_sky.spoken(steel_sky.GAME)))
    for game, voice, spoken in games:
        for said in sorted(spoken, key=lambda said: said.speaker):
            yield from _clip(espeak, "dialogues", f"{game}-{said.speaker}", said.sound, said.text, voice)


def _known(language: str) -> dict[str, str]:
    """The prompts whose names say what is said."""
    known = {f"digits/{number}": word for number, word in zip(_NUMBERS, _DIGITS[language].split(","), strict=True)}
    known |= {f"letters/{letter}": letter for letter in string.ascii_lowercase if language != "ru"}
    if language in _DAYS:
        known |= {f"digits/day-{number}": word for number, word in enumerate(_DAYS[language].split(","))}
        known |= {f"digits/mon-{number}": word for number, word in enumerate(_MONTHS[language].split(","))}
    return known


def _clip(espeak: Espeak, group: str, speaker: str, sound: Path | bytes, text: str, voice: str) -> Iterator[Clip]:
    """The recording with its script; nothing where there is none."""
    script = pronounced(espeak, text, voice)
    if script is not None:
        yield Clip(group, speaker, sound, script)


def pronounced(espeak: Espeak, text: str, voice: str) -> Script | None:
    """The sounds that espeak's front end finds in a text; None where it finds none."""
    phones: list[str] = []
    breaks: set[int] = set()
    for segment in espeak.say(text, voice)[1]:
        if segment.phone != "sil":
            phones.append(segment.phone)
        elif phones:
            breaks.add(len(phones))
    breaks.discard(len(phones))
    return Script(phones, breaks) if phones else None
