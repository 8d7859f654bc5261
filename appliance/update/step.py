"""How long work tells where it is, and is called off."""

from __future__ import annotations

from collections.abc import Callable

Step = Callable[[str, float, float], None]
"""Told the stage, and how much of how much is done; what it raises ends the work."""


def quiet(_stage: str, _done: float, _total: float) -> None:
    """Where nobody waits."""
