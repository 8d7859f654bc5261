"""The names of what is kept between training runs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

from tools.train.kept import key


def module(path: Path, source: str) -> ModuleType:
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    return importlib.util.module_from_spec(spec)


def test_a_key_changes_with_the_source_and_with_what_it_is_given(tmp_path: Path) -> None:
    one, same = module(tmp_path / "one.py", "A = 1\n"), module(tmp_path / "same.py", "A = 1\n")
    other = module(tmp_path / "other.py", "A = 2\n")
    assert key((one,), "kal", 0) == key((same,), "kal", 0)
    assert len({key((one,), "kal", 0), key((other,), "kal", 0), key((one,), "ked", 0), key((one,), "kal", 1)}) == 4
