"""The table of generation options, for those who may not load the pipeline.

`options.json` is a copy of `appliance.pipeline.options`, which a test holds fresh: name to {"kind": "int", "float" or
"bool", "default", "meaning"} and, for numbers, "low", "high" and "unit". A default of null: the material decides.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("options.json")


def table() -> dict[str, dict[str, Any]]:
    """Options by name, in the order in which people meet them."""
    found: dict[str, dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))
    return found
