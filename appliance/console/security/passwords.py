"""The one password of the box, kept as an argon2id hash.

The parameters are those that OWASP's password storage cheat sheet gives for 19 MiB: the memory is free again after each
check, and only one check runs at a time, so that many guesses at once do not fill a small board's memory.
"""

from __future__ import annotations

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from appliance.errors import InputError

MIN_LENGTH: Final = 10
MAX_LENGTH: Final = 256
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_one_at_a_time = threading.Lock()


def hashed(password: str) -> str:
    """The hash to keep of a new password; `InputError` for one that will not do."""
    check(password)
    with _one_at_a_time:
        return _hasher.hash(password)


def check(password: str) -> None:
    """`InputError` for a new password that is too short, absurdly long, or no text."""
    if len(password) < MIN_LENGTH:
        raise InputError(f"the password has fewer than {MIN_LENGTH} characters", hint="a few plain words do well")
    if len(password) > MAX_LENGTH:
        raise InputError(f"the password has more than {MAX_LENGTH} characters", hint="choose a shorter one")
    if not _is_text(password):
        raise InputError("the password has half a character in it", hint="choose another one")


def matches(kept: str, password: str) -> bool:
    if len(password) > MAX_LENGTH or not _is_text(password):
        return False
    try:
        with _one_at_a_time:
            return _hasher.verify(kept, password)
    except (VerificationError, InvalidHashError):
        return False


def _is_text(password: str) -> bool:
    """JSON can carry the half of a character (a lone surrogate), which has no bytes."""
    return not any("\ud800" <= letter <= "\udfff" for letter in password)
