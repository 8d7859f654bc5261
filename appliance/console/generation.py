"""Generation options that a script gives: known and in range, or refused before a job is queued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.errors import InputError
from appliance.jobs import options


def checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options without those that are null; `InputError` names the option and what it may be."""
    known = options.table()
    for name, value in given.items():
        if name not in known:
            raise InputError(f"there is no option {name[:40]!r}", hint=f"options are {', '.join(known)}")
        if value is not None and not _fits(value, known[name]):
            raise InputError(f"{name} is {str(value)[:40]}, which is not allowed", hint=_allowed(known[name]))
    return {name: value for name, value in given.items() if value is not None}


def _fits(value: Any, option: Mapping[str, Any]) -> bool:
    if option["kind"] == "bool":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int if option["kind"] == "int" else int | float):
        return False
    return bool(option["low"] <= value <= option["high"])


def _allowed(option: Mapping[str, Any]) -> str:
    if option["kind"] == "bool":
        return f"give true or false: {option['meaning']}"
    whole = "a whole number from " if option["kind"] == "int" else ""
    unit = f" {option['unit']}" if option.get("unit") else ""
    return f"give {whole}{option['low']:.10g} to {option['high']:.10g}{unit}: {option['meaning']}"
