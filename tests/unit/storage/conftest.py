"""A cache's folder in memory, and a clock that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cache_items import folder_in_memory
from tests.clock import Clock


@pytest.fixture
def place() -> Iterator[Path]:
    """The volume that holds `folder`."""
    with folder_in_memory() as path:
        yield path


@pytest.fixture
def folder(place: Path) -> Path:
    return place / "nand" / "cache"


@pytest.fixture
def clock() -> Clock:
    return Clock()
