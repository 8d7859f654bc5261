"""The table of speech sounds."""

from __future__ import annotations

import pytest

from appliance.pipeline.track import VISEMES
from tools.train.phones import LOOKS, SEALED, from_festival, from_ipa, split


def test_every_look_is_in_range_and_every_viseme_is_used() -> None:
    assert {look.viseme for look in LOOKS.values()} == set(VISEMES)
    for look in LOOKS.values():
        assert 0 <= look.opening <= 1
        assert -1 <= look.width <= 1
        assert 0 <= look.rounding <= 1


def test_sealed_lips_are_shut() -> None:
    assert all(LOOKS[phone].opening == 0 and LOOKS[phone].viseme == "PBM" for phone in SEALED)


@pytest.mark.parametrize(
    ("symbol", "phones"),
    [("p", ("p",)), ("aʊ", ("a", "u")), ("tʃ", ("t", "sh")), ("ɔ̃", ("o",)), ("ɑː", ("a",)), ("ʲ", ()), ("", ())],
)
def test_ipa(symbol: str, phones: tuple[str, ...]) -> None:
    assert from_ipa(symbol) == phones


@pytest.mark.parametrize(
    ("symbol", "phone_set", "phones"),
    [
        ("pau", "radio", ("sil",)),
        ("jh", "radio", ("d", "zh")),
        ("a1", "italian", ("a",)),
        ("p:", "finnish", ("p",)),
        ("r~", "czech", ("r", "zh")),
        ("bb", "russian", ("b",)),
        ("y", "radio", ("j",)),
        ("y", "finnish", ("y",)),
    ],
)
def test_festival(symbol: str, phone_set: str, phones: tuple[str, ...]) -> None:
    assert from_festival(symbol, phone_set) == phones


def test_a_diphthong_is_shared_out() -> None:
    first, second = split(1.0, 1.2, ("a", "u"))
    assert (first.start, second.end) == (1.0, 1.2)
    assert first.end == second.start == pytest.approx(1.1)
