"""The boards as they are described."""

from __future__ import annotations

import pytest

from tools.boards.board import Board
from tools.images.__main__ import board


@pytest.fixture
def rock() -> Board:
    return board("rock-5b")


@pytest.fixture
def jetson() -> Board:
    return board("jetson-orin-nano")
