"""What the synthetic voices are made to say."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from tools.train import texts

CODA = {
    "cs": re.compile(r"[aeiouáí]([bcčdfghjklmnpřrsštvzž])(?![aeiouáí])"),
    "fi": re.compile(r"[aeiouäöy]([hjklmnprstv])(?![aeiouäöy])"),
    "ru": re.compile(r"[аеиоуыюя]([бвгджзклмнпрстфхчш])(?![аеиоуыюя])"),
}
NOT_LIPS = {"cs": "nk", "fi": "nk", "ru": "нк"}
LIPS = {"cs": "mp", "fi": "mp", "ru": "мп"}


def said(language: str, seed: int) -> str:
    random = np.random.default_rng(seed)
    return " ".join(texts.random_words(language, random) for _ in range(300))


@pytest.mark.parametrize("language", CODA)
def test_a_syllable_ends_on_n_and_k_more_often_than_on_m_and_p(language: str) -> None:
    codas = CODA[language].findall(said(language, 1))
    for other, lips in zip(NOT_LIPS[language], LIPS[language], strict=True):
        assert codas.count(other) > codas.count(lips) > 0
    assert sum(coda in LIPS[language] for coda in codas) < 0.25 * len(codas)


def test_the_same_seed_says_the_same() -> None:
    assert said("cs", 5) == said("cs", 5) != said("cs", 6)


def test_sentences_are_plain_and_each_is_for_training_or_for_validation() -> None:
    if not Path("/usr/share/games/fortunes/wisdom").is_file():
        pytest.skip("fortunes is not installed")
    training, held_out = texts.sentences("en", held_out=False), texts.sentences("en", held_out=True)
    assert len(training) > 5 * len(held_out) > 500
    assert not set(training) & set(held_out)
    for sentence in (*training, *held_out):
        assert re.fullmatch(r"[^\d_()<>@]+\.", sentence)
        assert 4 <= len(sentence.split()) <= 16


def test_a_language_without_sentences_says_words() -> None:
    assert texts.sentences("ja", held_out=False) == []
    assert texts.sentence("ja", np.random.default_rng(0)).endswith(".")
