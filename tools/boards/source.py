"""Reading a board's description, and saying which line of it is wrong.

`read(path)` gives a `board.Board` and the `Source` whose `error` makes an `InputError` that names file and line. It
raises one for TOML that is not, unknown and missing keys, and values of the wrong type.

TOML's parser tells no lines, so they are found in the text: headers of tables and `key =` at the start of a line. That
is all that descriptions use; what stands inside a value is put down to the line on which its key stands.
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
import types
import typing
from collections import Counter
from pathlib import Path
from typing import Any, Final

from appliance.errors import InputError
from tools.boards.board import At, Board, Bytes

_UNITS: Final = {"KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_SIZE: Final = re.compile(r"(\d+) (KiB|MiB|GiB)")
_TABLE: Final = re.compile(r"\s*(\[\[?)\s*([\w.-]+)\s*\]")
_KEY: Final = re.compile(r"\s*([\w-]+)\s*=")


class Source:
    """A description's text: its tables, and the lines on which they and their keys stand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            text = path.read_text(encoding="utf-8")
            self.tables = tomllib.loads(text)
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path} cannot be read: {error}") from error
        except tomllib.TOMLDecodeError as error:
            line = re.search(r"at line (\d+)", str(error))
            raise InputError(f"{path}:{line[1] if line else 1}: {error}", hint="a description is TOML") from error
        self._lines = _lines(text)

    def error(self, at: At, message: str, hint: str = "") -> InputError:
        """Where `at` itself has no line of its own, that of the table around it counts."""
        while at and at not in self._lines:
            at = (*at, 0) if (*at, 0) in self._lines else at[:-1]
        return InputError(f"{self.path}:{self._lines.get(at, 1)}: {message}", hint=hint)


def _lines(text: str) -> dict[At, int]:
    found: dict[At, int] = {}
    table: At = ()
    counted: Counter[At] = Counter()
    for number, line in enumerate(text.split("\n"), 1):
        if header := _TABLE.match(line):
            table = tuple(header[2].split("."))
            if header[1] == "[[":
                counted[table] += 1
                table = (*table, counted[table] - 1)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault((*table, key[1]), number)
    return found


def read(path: Path) -> tuple[Board, Source]:
    source = Source(path)
    return _built(source, Board, source.tables, ()), source


def _built(source: Source, kind: type[Any], table: dict[str, Any], at: At) -> Any:
    wanted = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind) if field.name != "at"}
    for key in table:
        if key not in fields:
            raise source.error((*at, key), f"there is no key {key!r} here", f"the keys are {', '.join(fields)}")
    for name, field in fields.items():
        if name not in table and field.default is dataclasses.MISSING:
            raise source.error(at, f"{name!r} is missing" + (f" in [{_shown(at)}]" if at else ""))
    values = {name: _value(source, wanted[name], value, (*at, name)) for name, value in table.items()}
    return kind(at=at, **values)


def _value(source: Source, wanted: Any, value: Any, at: At) -> Any:
    """`value` as the type `wanted` of a field, which is one of those that `board` uses."""
    origin, arguments = typing.get_origin(wanted), typing.get_args(wanted)
    if origin in (types.UnionType, typing.Union):
        return _value(source, arguments[0], value, at)
    if origin is typing.Literal:
        if value not in arguments:
            raise source.error(at, f"{value!r} is not one of {', '.join(map(repr, arguments))}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise source.error(at, f"{_shown(at)} must be an array")
        return tuple(_value(source, arguments[0], one, (*at, number)) for number, one in enumerate(value))
    if dataclasses.is_dataclass(wanted):
        if not isinstance(value, dict):
            raise source.error(at, f"{_shown(at)} must be a table")
        return _built(source, typing.cast("type[Any]", wanted), value, at)
    if wanted is Bytes and isinstance(value, str):
        if not (size := _SIZE.fullmatch(value)):
            raise source.error(at, f"{value!r} is not a size", 'write 65536, 0x1_0000 or "64 KiB"')
        return Bytes(int(size[1]) * _UNITS[size[2]])
    if type(value) is not (int if wanted is Bytes else wanted):
        kind = {str: "a string", int: "an integer", bool: "true or false", Bytes: "a size"}[wanted]
        raise source.error(at, f"{_shown(at)} must be {kind}")
    if type(value) is int and value < 0:
        raise source.error(at, f"{_shown(at)} must not be negative")
    return wanted(value)


def _shown(at: At) -> str:
    return ".".join(str(part) for part in at)
