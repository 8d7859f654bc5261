from __future__ import annotations

import pytest

from appliance.errors import ApplianceError, CancelledError, InputError, UnhealthyError


@pytest.mark.parametrize(("kind", "code"), [(InputError, 1), (UnhealthyError, 3), (CancelledError, 1)])
def test_each_kind_has_the_exit_code_of_the_contract(kind: type[ApplianceError], code: int) -> None:
    assert kind.exit_code == code
    assert issubclass(kind, ApplianceError)


def test_message_and_hint_are_kept_apart() -> None:
    error = InputError("speech.wav is empty", hint="record it again")
    assert (error.message, error.hint, str(error)) == ("speech.wav is empty", "record it again", "speech.wav is empty")


def test_a_hint_is_optional_and_cancelling_needs_no_words() -> None:
    assert UnhealthyError("no space").hint == ""
    assert CancelledError().message == "cancelled"
