"""The labels of RHVoice's engine. `make train` alone installs the engine itself, which is not in Debian's main."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from appliance.errors import UnhealthyError
from tools.train import rhvoice

LABELS = """0 1000000 x^x-pau+m=ae@x_x/A:0_0_0
1000000 1800000 x^pau-m+ae=p@1_3/A:0_0_0
1800000 2600000 pau^m-ay+p=pau@2_2/A:0_0_0
2600000 3400000 m^ay-p+pau=x@3_1/A:0_0_0
0 500000 x^x-pau+ch=x@x_x/A:0_0_0
500000 1500000 x^pau-ch+x=x@1_1/A:0_0_0
"""


def test_the_clauses_follow_each_other_and_double_sounds_are_two() -> None:
    segments = rhvoice._segments(LABELS)
    assert [segment.phone for segment in segments] == ["sil", "m", "a", "ih", "p", "sil", "t", "sh"]
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(segments))
    assert segments[0].start == 0
    assert segments[4].end == pytest.approx(0.34)
    assert segments[-1].end == pytest.approx(0.49)


def test_what_is_no_label_says_nothing() -> None:
    assert rhvoice._segments("") == []
    assert rhvoice._segments("RHVoice: no such voice\n") == []


def test_missing_packages_are_said(tmp_path: Path) -> None:
    with pytest.raises(UnhealthyError, match="alan is not in"):
        next(rhvoice.say(["Hello."], "alan", tmp_path))
