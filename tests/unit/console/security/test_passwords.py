from __future__ import annotations

import pytest

from appliance.console.security import passwords
from appliance.errors import InputError


def test_only_the_right_password_matches() -> None:
    kept = passwords.hashed("correct horse")
    assert passwords.matches(kept, "correct horse")
    assert not passwords.matches(kept, "correct horse ")
    assert not passwords.matches(kept, "")


def test_the_hash_is_argon2id_with_its_own_salt_and_19_mib() -> None:
    one, other = passwords.hashed("correct horse"), passwords.hashed("correct horse")
    assert one != other
    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("kept", ["", "plain", "$argon2id$broken"])
def test_what_is_no_hash_matches_nothing(kept: str) -> None:
    assert not passwords.matches(kept, kept)


@pytest.mark.parametrize("password", ["", "123456789", "x" * 257, "half a character: \ud800"])
def test_a_useless_password_is_refused(password: str) -> None:
    with pytest.raises(InputError, match="character"):
        passwords.hashed(password)


def test_an_endless_guess_costs_nothing() -> None:
    assert not passwords.matches(passwords.hashed("x" * 256), "x" * 1_000_000)


def test_half_a_character_matches_nothing() -> None:
    assert not passwords.matches(passwords.hashed("correct horse"), "correct horse\ud800")
