"""What festival's British voice is told to say. `make train` alone fetches the voice, which is not in Debian's main."""

from __future__ import annotations

import itertools
import re
import shutil
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from tools.train import festival_extra
from tools.train.phones import Segment


def segments(*sounds: tuple[str, float]) -> list[Segment]:
    ends = list(itertools.accumulate(length for _, length in sounds))
    return [Segment(end - length, end, phone) for (phone, length), end in zip(sounds, ends, strict=True)]


SAID = segments(
    ("sil", 0.1), ("m", 0.07), ("a", 0.08), ("ih", 0.06), ("sil", 0.01), ("p", 0.09), ("p", 0.02), ("a", 0.2)
)


def test_pairs_are_one_sound_and_brief_pauses_are_none() -> None:
    assert [unit.name for unit in festival_extra._units(SAID)] == ["#", "m", "ai", "p", "aa"]


def test_the_times_that_are_set_are_the_times_that_are_told() -> None:
    units = festival_extra._units(SAID)
    parts = [part for unit in units for part in unit.parts]
    assert [part.phone for part in parts] == ["sil", "m", "a", "ih", "p", "a"]
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(parts))
    assert parts[-1].end == pytest.approx(SAID[-1].end)
    written = festival_extra._written(units, 100)
    lengths = [float(length) for length in re.findall(r"\(\S+ ([\d.]+)(?: \(|\))", written)]
    assert sum(lengths) == pytest.approx(SAID[-1].end, abs=1e-3)


def test_a_sound_too_short_to_be_spoken_is_made_longer_and_the_rest_moves() -> None:
    parts = [part for unit in festival_extra._units(segments(("m", 0.01), ("a", 0.1))) for part in unit.parts]
    assert parts[0].end == pytest.approx(0.03)
    assert parts[1].end == pytest.approx(0.13)


def test_a_missing_voice_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: "/bin/true")
    with pytest.raises(UnhealthyError, match="rab_diphone is not in"):
        next(festival_extra.say(["Hello."], tmp_path, [100.0]))
