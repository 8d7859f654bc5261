"""The text menu, with what a person types in a file."""

from __future__ import annotations

import getpass
import io
import sys
from typing import Protocol

import pytest

from appliance.console.recovery import presence
from appliance.console.recovery.box import RecoveryBox
from appliance.console.recovery.menu import Menu
from tests.recovery_box import PASSWORD


class Typist(Protocol):
    """Types lines, and at questions for secrets those; returns what the menu said."""

    def __call__(self, *lines: str, secrets: tuple[str, ...] = ()) -> str: ...


class Site:
    fingerprint = "AB:CD"

    def addresses(self) -> list[str]:
        return ["https://192.0.2.9/"]


@pytest.fixture
def type_in(box: RecoveryBox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typist:
    def typed(*lines: str, secrets: tuple[str, ...] = ()) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        given = iter(secrets)
        monkeypatch.setattr(getpass, "getpass", lambda _: next(given))
        with pytest.raises(EOFError):
            Menu(box, Site()).run()  # type: ignore[arg-type]
        return capsys.readouterr().out

    return typed


def test_it_says_where_it_is_and_how_to_get_in(type_in: Typist, box: RecoveryBox) -> None:
    said = type_in()
    assert "https://192.0.2.9/" in said
    assert "AB:CD" in said
    assert presence.written(presence.code(box.volumes)) in said


def test_it_works_where_nothing_can_be_served(
    box: RecoveryBox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n"))
    with pytest.raises(EOFError):
        Menu(box, None).run()
    said = capsys.readouterr().out
    assert "The pages for a browser cannot be served." in said
    assert "both copies are whole" in said


def test_what_happened(type_in: Typist) -> None:
    said = type_in("1")
    assert "config   fine: both copies are whole" in said
    assert "nand     not there: there is no NAND flash, or it does not answer" in said
    assert "the log is on a volume that cannot be read" in said


def test_the_same_in_chinese(type_in: Typist) -> None:
    said = type_in("7", "1")
    assert "发生了什么" in said
    assert "config   正常: 两份副本都完好" in said


def test_a_new_password(type_in: Typist, box: RecoveryBox) -> None:
    new = "another good password"
    assert "The new password is set." in type_in("5", secrets=(new, new))
    assert box.is_password(new)


def test_passwords_that_differ_or_are_short_change_nothing(type_in: Typist, box: RecoveryBox) -> None:
    assert "! the two differ" in type_in("5", secrets=("one", "two"))
    assert "! the password has fewer than 10 characters" in type_in("5", secrets=("short", "short"))
    assert box.is_password(PASSWORD)


def test_a_volume_is_repaired(type_in: Typist, box: RecoveryBox) -> None:
    with (box.volumes.config / "config.nor").open("r+b") as file:
        file.write(b"\0" * 64)
    assert "the volume config was repaired" in type_in("2", "1", "1")
    assert box.parts.config.store.load().sound


def test_a_volume_is_made_anew_only_under_its_name(type_in: Typist, box: RecoveryBox) -> None:
    assert "! nothing was done: the name config has to be typed" in type_in("2", "1", "2", "yes")
    assert box.is_password(PASSWORD)


def test_nothing_is_done_to_what_is_not_there(type_in: Typist) -> None:
    assert "! nothing can be done to this volume" in type_in("2", "3")


def test_nonsense_leads_back_to_the_menu(type_in: Typist) -> None:
    assert type_in("9", "x", "", "²").count("== Mouthpiece") == 5


def test_without_a_stick_it_says_so(type_in: Typist) -> None:
    said = type_in("3", "4")
    assert "! no stick with a bundle is plugged in" in said
    assert "! no stick is plugged in" in said
