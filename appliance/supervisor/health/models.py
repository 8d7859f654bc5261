"""Are the networks' files there and whole?

Only files and checksums are looked at; nothing is loaded. A safetensors file of ours tells the SHA-256 of its data
itself, under "__metadata__". A file is read again only after it changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from appliance.findings import Finding, Status

_CHECK = "models"
_FIX = "install the software again (on a laptop: `make setup`)"
_MAX_HEADER = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelFile:
    """`sha256` is empty where only the file itself knows it, or nobody does."""

    path: Path
    sha256: str = ""


def check(files: Sequence[ModelFile]) -> Iterator[Finding]:
    faults = 0
    for file in files:
        fault = _fault(file)
        if fault:
            faults += 1
            yield Finding(_CHECK, Status.PROBLEM, f"{file.path}: {fault}", _FIX)
    if not faults:
        yield Finding(_CHECK, Status.OK, f"{len(files)} files, whole")


def _fault(file: ModelFile) -> str:
    try:
        state = file.path.stat()
        return _content_fault(file, state.st_mtime_ns, state.st_size)
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


@lru_cache(maxsize=16)
def _content_fault(file: ModelFile, _mtime_ns: int, size: int) -> str:
    if size == 0:
        return "it is empty"
    content = file.path.read_bytes()
    expected = file.sha256
    if not expected and file.path.suffix == ".safetensors":
        length = int.from_bytes(content[:8], "little")
        try:
            if length > _MAX_HEADER:
                raise ValueError
            expected = json.loads(content[8 : 8 + length])["__metadata__"]["sha256"]
        except (ValueError, KeyError, TypeError):
            return "it is damaged"
        content = content[8 + length :]
    if expected and hashlib.sha256(content).hexdigest() != expected:
        return "it is damaged: its checksum is wrong"
    return ""
