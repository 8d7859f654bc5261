"""Fixtures of the tests of the boot chain; what they are made of is in `boot_chain`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.board.boot_chain import Box, Systems, packed


@pytest.fixture(scope="session")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Systems:
    """Payloads, signed; made once."""
    return Systems(tmp_path_factory.mktemp("systems"))


@pytest.fixture
def box(systems: Systems, tmp_path: Path) -> Callable[..., Box]:
    """Makes a box whose systems all switch off, but for what is said; `variables` are its environment."""

    def make(variables: dict[str, str] | None = None, **other: Any) -> Box:
        if variables is not None:
            other["environment"] = {"env": packed(variables)}
        return Box(tmp_path, systems, **{"a": systems.off, "b": systems.off, "recovery": systems.off, **other})

    return make
