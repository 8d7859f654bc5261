"""Generation options out of a form, as jobs want them."""

from __future__ import annotations

from typing import Any

from flask import request

from appliance.console import generation
from appliance.console.pages.frame import plain
from appliance.errors import InputError
from appliance.jobs import options


def number(name: str, text: str, *, whole: bool = False) -> int | float:
    """What a person typed as a number."""
    try:
        return int(text) if whole else float(text)
    except ValueError:
        raise InputError(f"{name} is {text[:40]!r}, not a {'whole ' if whole else ''}number") from None


def options_as_given() -> dict[str, Any]:
    """The options that are not left at their default: switches as they are, numbers as their text."""
    given: dict[str, Any] = {}
    for name, option in options.table().items():
        if option["kind"] == "bool":
            if name in request.form.getlist("switch") and (name in request.form) != option["default"]:
                given[name] = name in request.form
        elif (text := request.form.get(name, "").strip()) and text != plain(option["default"]):
            given[name] = text
    return given


def option_values() -> dict[str, Any]:
    """The same as values in range; `InputError` names the option and the range."""
    table = options.table()
    return generation.checked(
        {
            name: value if isinstance(value, bool) else number(name, value, whole=table[name]["kind"] == "int")
            for name, value in options_as_given().items()
        }
    )
