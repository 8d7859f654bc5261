"""What the synthetic voices are made to say."""

from __future__ import annotations

import re

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
    return " ".join(texts.sentence(language, random) for _ in range(300))


@pytest.mark.parametrize("language", CODA)
def test_a_syllable_ends_on_n_and_k_more_often_than_on_m_and_p(language: str) -> None:
    codas = CODA[language].findall(said(language, 1))
    for other, lips in zip(NOT_LIPS[language], LIPS[language], strict=True):
        assert codas.count(other) > codas.count(lips) > 0
    assert sum(coda in LIPS[language] for coda in codas) < 0.25 * len(codas)


def test_the_same_seed_says_the_same() -> None:
    assert said("cs", 5) == said("cs", 5) != said("cs", 6)
