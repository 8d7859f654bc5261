"""The stamps' names: which recording says what."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.train import stamps


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    animals = tmp_path / "animals"
    animals.mkdir()
    (animals / "cat.txt").write_text("A cat.\nfr.utf8=Un chat.\nru.utf8=Кошка.\n", "utf-8")
    for name in ("cat_desc.ogg", "cat_desc_fr.ogg", "cat_desc_ca.ogg", "dog_desc.ogg", "cat.ogg"):
        (animals / name).write_bytes(b"sound")
    return tmp_path


@pytest.mark.parametrize(("language", "found"), [("en", "A cat."), ("fr", "Un chat.")])
def test_a_recording_says_the_name_in_its_language(folder: Path, language: str, found: str) -> None:
    ((path, text),) = stamps.named(language, folder)
    assert text == found
    assert path.name == ("cat_desc.ogg" if language == "en" else "cat_desc_fr.ogg")


@pytest.mark.parametrize("language", ["ru", "ca"])
def test_without_recording_or_words_there_is_nothing(folder: Path, language: str) -> None:
    assert list(stamps.named(language, folder)) == []
