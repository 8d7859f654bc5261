"""How the acceptance bench reads what flite prints and what Asterisk wrote down."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="the bench needs torch")

from tests.bench import motion_acceptance
from tools.train.phones import Segment


def test_flite_prints_when_each_sound_ends() -> None:
    segments = motion_acceptance._segments("pau:0.142 b:0.200 ay:0.400 pau:0.500 \n")
    assert [each.phone for each in segments] == ["sil", "b", "a", "ih", "sil"]
    assert segments[1] == Segment(0.142, 0.2, "b")
    assert segments[3].start == pytest.approx(0.3)
    assert segments[-1].end == 0.5


def test_prompts_are_those_that_are_there_and_written_out_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(motion_acceptance, "_PROMPTS", tmp_path)
    for name in ("hello", "beep", "menu", "call-from"):
        (tmp_path / f"{name}.g722").write_bytes(b"")
    written = tmp_path / "core-sounds-en.txt"
    written.write_text(
        "; sounds\nhello: Hello there.\nbeep: [a tone]\nmenu: press 1\ncall-from.wav: call from\ngone: Bye\n"
    )
    assert list(motion_acceptance._prompts(written)) == [
        (tmp_path / "hello.g722", "Hello there."),
        (tmp_path / "call-from.g722", "call from"),
    ]
