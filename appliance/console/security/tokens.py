"""API tokens: what a script shows instead of a password.

A token is 256 random bits, shown once when it is made. The configuration keeps only its SHA-256, which is enough for a
secret that nobody can guess, and costs nothing to check.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from typing import Any, Final

from appliance.console.box import Box
from appliance.console.errors import not_found
from appliance.errors import InputError

PREFIX: Final = "mp_"
"""So that a secret scanner, or a person, sees what it is."""
MAX_TOKENS: Final = 32


def make(box: Box, name: str) -> tuple[dict[str, Any], str]:
    """Make a token; returns what is kept of it, without its hash, and the token itself."""
    token = PREFIX + secrets.token_urlsafe(32)
    entry = {"id": secrets.token_hex(4), "name": name, "created": int(time.time())}

    def add(config: dict[str, Any]) -> None:
        kept = config.setdefault("tokens", [])
        if len(kept) >= MAX_TOKENS:
            raise InputError(f"there are {MAX_TOKENS} tokens already", hint="remove one that nobody uses")
        kept.append({**entry, "hash": _hash(token)})

    box.configure(add)
    return entry, token


def known(box: Box) -> list[dict[str, Any]]:
    """The tokens without their hashes, oldest first."""
    kept = box.configuration().get("tokens", [])
    return [{key: entry[key] for key in ("id", "name", "created")} for entry in kept]


def remove(box: Box, identifier: str) -> None:
    def drop(config: dict[str, Any]) -> None:
        kept = config.get("tokens", [])
        left = [entry for entry in kept if entry["id"] != identifier]
        if len(left) == len(kept):
            raise not_found(f"token {identifier!r}")
        config["tokens"] = left

    box.configure(drop)


def is_valid(box: Box, token: str) -> bool:
    given = _hash(token)
    return any(secrets.compare_digest(entry["hash"], given) for entry in box.configuration().get("tokens", []))


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
