"""How a program in the guest tells the test outside what it found, and how it waits for things."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

DEADLINE_S: Final = 120.0
"""Generous: an emulated processor on a busy machine."""


class Facts:
    """Named findings in `/out/facts`, written again with every new one, so that a failure shows how far it came."""

    def __init__(self) -> None:
        self._found: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self._found[name] = value
        (Path("/out") / "facts").write_text(json.dumps(self._found))
        print(f"{time.monotonic():.1f} {name}: {value}", flush=True)


def until(condition: Callable[[], Any], what: str, deadline_s: float = DEADLINE_S, every_s: float = 0.2) -> Any:
    """Wait until `condition` gives something true, and return it."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(every_s)
    raise AssertionError(f"waited {deadline_s:g} s in vain: {what}")
