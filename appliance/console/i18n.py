"""The console's languages. English is what the source says; another language has a catalogue beside this module.

    messages/zh-CN.json         {"English text": "translation"}: every text of the pages, templates and scripts
    messages/zh-CN.said.json    the same for what the rest of the box says, with `{}` where it puts something in

A text may hold `{name}` for values. A test keeps the catalogues complete and free of what nobody says any more.
What the rest of the box says (errors, findings) is translated where a catalogue knows it, else shown in English.

The language of a request: the person's choice (a cookie), else what the browser asks for, else the box's setting.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Final

from flask import current_app, g, request
from markupsafe import Markup

LANGUAGES: Final = {"en": "English", "zh-CN": "简体中文"}
COOKIE: Final = "language"
MESSAGES: Final = Path(__file__).parent / "messages"
_BETWEEN: Final = {"zh-CN": Markup("")}
"""What is between two sentences, where that is not a space."""


@functools.cache
def catalogue(language: str) -> dict[str, str]:
    """The texts of the pages; empty for English."""
    return _read(MESSAGES / f"{language}.json")


def _(text: str, **values: object) -> str:
    """The text in the request's language."""
    return translated(text, language(), **values)


def _n(one: str, many: str, n: int, **values: object) -> str:
    """`one` or `many`, as English counts; other catalogues know only `many`."""
    spoken = language()
    if spoken == "en":
        return (one if n == 1 else many).format(n=n, **values)
    return translated(many, spoken, n=n, **values)


def translated(text: str, language: str, **values: object) -> str:
    found = catalogue(language).get(text, text)
    return found.format(**values) if values else found


def joined(*texts: str) -> Markup:
    """Sentences one after the other, as the request's language sets them; empty ones are left out."""
    return _BETWEEN.get(language(), Markup(" ")).join(text for text in texts if text)


def said(text: str) -> str:
    """What another part of the box said, in the request's language as far as it is known."""
    return said_in(text, language())


def said_in(text: str, spoken: str) -> str:
    """The same in a language."""
    if known := said_catalogue(spoken).get(text) or catalogue(spoken).get(text):
        return known
    for pattern, translation in _patterns(spoken):
        if match := pattern.fullmatch(text):
            return translation.format(*(said_in(part, spoken) for part in match.groups()))
    return text


def language() -> str:
    """The language of this request."""
    if "language" not in g:
        g.language = _chosen()
    found: str = g.language
    return found


def _chosen() -> str:
    if (kept := request.cookies.get(COOKIE)) in LANGUAGES:
        return str(kept)
    for wanted, _quality in request.accept_languages:
        if (fits := closest(wanted)) is not None:
            return fits
    config = current_app.extensions["box"].configuration()
    return closest(str(config.get("settings", {}).get("language") or config.get("language"))) or "en"


def closest(wanted: str) -> str | None:
    """Our language that serves who asks for `wanted`, such as "en-GB" or "zh-Hans-SG"."""
    first = wanted.lower().split("-")[0]
    return next((ours for ours in LANGUAGES if ours.lower().split("-")[0] == first), None)


@functools.cache
def said_catalogue(language: str) -> dict[str, str]:
    """What the rest of the box says."""
    return _read(MESSAGES / f"{language}.said.json")


@functools.cache
def _patterns(language: str) -> list[tuple[re.Pattern[str], str]]:
    """The wordiest first, for they say most of what they stand for."""
    texts = sorted((text for text in said_catalogue(language) if "{}" in text), key=len, reverse=True)
    return [
        (re.compile("(.*?)".join(map(re.escape, text.split("{}"))), re.DOTALL), said_catalogue(language)[text])
        for text in texts
    ]


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found
