from __future__ import annotations

import pytest

from appliance.console.box import Box
from appliance.console.errors import RefusedError
from appliance.console.security import tokens
from appliance.errors import InputError


def test_a_token_is_valid_until_it_is_removed(box: Box) -> None:
    entry, token = tokens.make(box, "monitoring")
    assert tokens.is_valid(box, token)
    assert not tokens.is_valid(box, token[:-1])
    assert not tokens.is_valid(box, "")
    assert tokens.known(box) == [entry]
    tokens.remove(box, entry["id"])
    assert not tokens.is_valid(box, token)
    assert tokens.known(box) == []


def test_the_token_itself_is_kept_nowhere(box: Box) -> None:
    _, token = tokens.make(box, "monitoring")
    kept = b"".join(path.read_bytes() for path in box.volumes.root.rglob("*") if path.is_file())
    assert b"monitoring" in kept
    assert token.encode() not in kept


def test_an_unknown_token_cannot_be_removed(box: Box) -> None:
    with pytest.raises(RefusedError, match="no token"):
        tokens.remove(box, "x")


def test_their_number_is_bounded(box: Box) -> None:
    for number in range(tokens.MAX_TOKENS):
        tokens.make(box, str(number))
    with pytest.raises(InputError, match="already"):
        tokens.make(box, "one more")
