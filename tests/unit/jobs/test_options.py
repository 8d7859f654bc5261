"""The copy of the option table says what the pipeline says. To renew it: run this file as a script."""

from __future__ import annotations

import json
from typing import Any

import pytest

from appliance.errors import InputError
from appliance.jobs import options
from appliance.pipeline.options import DEFAULTS, RANGES, SWITCHES, Options


def fresh() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, default in DEFAULTS.items():
        if name in SWITCHES:
            found[name] = {"kind": "bool", "default": default, "meaning": SWITCHES[name]}
            continue
        allowed = RANGES[name]
        kind = "int" if isinstance(default, int) else "float"
        bounds = {"low": allowed.low, "high": allowed.high, "unit": allowed.unit}
        found[name] = {"kind": kind, "default": default, "meaning": allowed.meaning, **bounds}
    return found


def test_the_copy_is_fresh() -> None:
    assert options.table() == fresh()
    assert list(options.table()) == list(DEFAULTS)


@pytest.mark.parametrize("name", [name for name, entry in options.table().items() if entry["kind"] != "bool"])
def test_the_pipeline_keeps_to_the_ranges(name: str) -> None:
    entry = options.table()[name]
    for value in (entry["low"], entry["high"]):
        assert getattr(Options.of({name: value}), name) == value
    with pytest.raises(InputError, match=name):
        Options.of({name: entry["high"] + 1})


if __name__ == "__main__":
    options.FILE.write_text(json.dumps(fresh(), indent=1) + "\n", encoding="utf-8")
