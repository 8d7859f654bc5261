"""Which microphone is used, and what people see of the choice."""

from __future__ import annotations

import pytest

from appliance.capture import checks, choose, devices
from appliance.capture.devices import Kind, Microphone
from appliance.errors import InputError
from appliance.findings import Status


def microphone(name: str, kind: Kind) -> Microphone:
    return Microphone(f"id:{name}", name, kind, name, f"/dev/snd/{name}", name.upper())


ARRAY = microphone("array", Kind.USB_ARRAY)
USB = microphone("usb", Kind.USB)
BUILT_IN = microphone("built-in", Kind.BUILT_IN)
LOOPBACK = microphone("loopback", Kind.OTHER)


def test_the_best_kind_is_used() -> None:
    assert choose.choose([BUILT_IN, LOOPBACK, USB, ARRAY], "") == ARRAY
    assert choose.choose([BUILT_IN, LOOPBACK, USB], "") == USB
    assert choose.choose([LOOPBACK, BUILT_IN], "") == BUILT_IN
    assert choose.choose([LOOPBACK], "") == LOOPBACK
    assert choose.choose([], "") is None


def test_the_configured_one_is_preferred_while_it_is_there() -> None:
    assert choose.choose([ARRAY, BUILT_IN], BUILT_IN.id) == BUILT_IN
    assert choose.choose([ARRAY, USB], BUILT_IN.id) == ARRAY


def test_of_equals_the_choice_does_not_depend_on_the_order() -> None:
    other = microphone("another", Kind.USB)
    assert choose.choose([USB, other], "") == choose.choose([other, USB], "") == other


def test_a_person_names_it_by_id_card_or_name() -> None:
    present = [ARRAY, USB, microphone("usb two", Kind.USB)]
    assert choose.named(present, ARRAY.id) == ARRAY
    assert choose.named(present, "ARRAY") == ARRAY
    assert choose.named(present, "Arr") == ARRAY
    assert choose.named(present, "hw:3") is None
    with pytest.raises(InputError, match="2 microphones called usb"):
        choose.named(present, "usb")


def test_people_see_all_of_them_and_the_configured_one_that_is_missing() -> None:
    seen = choose.state([USB, ARRAY], "id:gone")["devices"]
    assert [(each["id"], each["present"], each["chosen"]) for each in seen] == [
        (USB.id, True, False),
        (ARRAY.id, True, True),
        ("id:gone", False, False),
    ]
    assert [each["chosen"] for each in choose.state([USB, ARRAY], USB.id)["devices"]] == [True, False]


@pytest.mark.parametrize(
    ("present", "preferred", "status", "words"),
    [
        ([], "", Status.WARNING, "there is no microphone"),
        ([USB], "", Status.OK, "usb (id:usb)"),
        ([USB], "id:gone", Status.WARNING, "(id:gone) is not plugged in; usb is used"),
    ],
)
def test_health_with_simulated_microphones(
    monkeypatch: pytest.MonkeyPatch, present: list[Microphone], preferred: str, status: Status, words: str
) -> None:
    monkeypatch.setattr(devices, "present", lambda: present)
    (check,) = checks.checks(lambda: preferred)
    (finding,) = check.run()
    assert finding.status is status
    assert words in finding.message
    assert bool(finding.fix) == (status is not Status.OK)
