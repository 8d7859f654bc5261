"""What a paint program's stamps are called, said by people in twelve languages.

Debian's `tuxpaint-stamps-default` has pictures for children. Beside `NAME.txt`, whose first line names the picture in
English and whose others do in other languages (`fr.utf8=Un chat.`), lie recordings of the name: `NAME_desc.ogg` in
English, `NAME_desc_fr.ogg` and so on. One person speaks for a language, at home.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

STAMPS: Final = Path("/usr/share/tuxpaint/stamps")
LANGUAGES: Final = ("en", "fr", "ru", "ro", "ca", "bg", "es", "be", "el", "da", "lt", "nl")
_ENGLISH: Final = "en"


class Named(NamedTuple):
    """A recording and its words."""

    path: Path
    text: str


def named(language: str, folder: Path = STAMPS) -> Iterator[Named]:
    """The recordings in a language, in the order of their paths."""
    ending = "_desc.ogg" if language == _ENGLISH else f"_desc_{language}.ogg"
    for path in sorted(folder.rglob(f"*{ending}")):
        words = path.with_name(path.name.removesuffix(ending) + ".txt")
        text = _text(words.read_text("utf-8", "replace"), language) if words.is_file() else ""
        if text:
            yield Named(path, text)


def _text(names: str, language: str) -> str:
    lines = names.splitlines()
    if language == _ENGLISH:
        return lines[0].strip() if lines else ""
    return next((line.partition("=")[2].strip() for line in lines if line.startswith(f"{language}.utf8=")), "")
