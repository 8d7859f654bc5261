"""Recordings of people: what espeak-ng's front end makes of their words."""

from __future__ import annotations

from tools.train import people
from tools.train.espeak import Espeak


def test_one_may_pause_where_the_text_does(espeak: Espeak) -> None:
    (clip,) = people._clip(espeak, "dialogues", "game-joe", b"", "Papa, mama.", "es")
    assert clip.script == people.Script(list("papamama"), {4})


def test_what_says_nothing_is_no_clip(espeak: Espeak) -> None:
    assert not list(people._clip(espeak, "dialogues", "game-joe", b"", "...", "es"))
