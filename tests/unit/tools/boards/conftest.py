"""A copy of what the generator reads, to be changed at will."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("boot/boards", "boot/generated"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("docs/BOARDS.md", "appliance/storage/boards.py"):
        (tmp_path / file).parent.mkdir(parents=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path
