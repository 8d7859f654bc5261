"""A repair that the box can do itself: what a finding's "fix" asks of people, done at the press of a button."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fixup:
    """For the findings of `check` that are not ok. `does` is a sentence that says what `run` does, before it is done;
    `run` returns what it did and raises `ApplianceError` if it could not. It may be run at any time, also twice."""

    check: str
    does: str
    run: Callable[[], str]
