"""The synthetic voices: what they say they say, when, is what is heard."""

from __future__ import annotations

import itertools
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from appliance.errors import UnhealthyError
from tools.train import festival
from tools.train.espeak import Espeak
from tools.train.phones import Segment


def loudness_db(samples: np.ndarray, rate: int, start: float, end: float) -> float:
    part = samples[int(start * rate) : int(end * rate)]
    return float(10 * np.log10((part**2).mean() + 1e-10))


def assert_tiles(segments: list[Segment], seconds: float) -> None:
    assert segments[0].start == 0
    assert all(a.end == pytest.approx(b.start) for a, b in itertools.pairwise(segments))
    assert segments[-1].end == pytest.approx(seconds, abs=0.05)


def assert_closures_are_quieter(samples: np.ndarray, rate: int, segments: list[Segment]) -> None:
    middles = [
        (loudness_db(samples, rate, stop.start, stop.start + 0.6 * (stop.end - stop.start)), before, after)
        for before_segment, stop, after_segment in zip(segments, segments[1:], segments[2:], strict=False)
        if stop.phone == "p" and before_segment.phone == after_segment.phone == "a"
        for before in [loudness_db(samples, rate, before_segment.start, before_segment.end)]
        for after in [loudness_db(samples, rate, after_segment.start, after_segment.end)]
    ]
    assert middles
    assert all(closed < min(before, after) - 6 for closed, before, after in middles)


@pytest.mark.parametrize("voice", ["es", "it+f2", "fr+m3"])
def test_espeak_tells_when_the_lips_are_sealed(espeak: Espeak, voice: str) -> None:
    samples, segments = espeak.say("apapapa papa", voice)
    assert_tiles(segments, len(samples) / espeak.rate_hz)
    assert_closures_are_quieter(samples, espeak.rate_hz, segments)


def test_espeak_speaks_mandarin_from_pinyin(espeak: Espeak) -> None:
    _, segments = espeak.say("ma1 ma5 pao3 bu4.", "cmn-latn-pinyin")
    spoken = [segment.phone for segment in segments if segment.phone != "sil"]
    assert spoken[:4] == ["m", "a", "m", "a"]
    assert "u" in spoken


def said() -> bytes:
    samples, segments = Espeak().say("bom dia", "pt-br")
    return samples.tobytes() + repr(segments).encode()


def test_a_fresh_espeak_always_says_the_same(espeak: Espeak) -> None:
    assert espeak.rate_hz > 0
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        assert pool.submit(said).result() == pool.submit(said).result()


def test_a_small_dictionary_is_not_complained_of(espeak: Espeak, capfd: pytest.CaptureFixture[str]) -> None:
    assert espeak.say("Добры дзень.", "be")[1]
    assert espeak.ipa("Добры дзень.", "be")
    os.write(2, b"and nothing else\n")
    assert capfd.readouterr().err == "and nothing else\n"


def test_an_unknown_voice_is_said(espeak: Espeak) -> None:
    with pytest.raises(UnhealthyError, match="no voice xx-nobody"):
        espeak.say("a", "xx-nobody")


def test_festival_tells_when_the_lips_are_sealed() -> None:
    if shutil.which("festival") is None:
        pytest.skip("festival is not installed")
    utterances = list(festival.say(["a map of papa and pop", "mama"], "kal_diphone"))
    assert len(utterances) == 2
    for samples, rate, segments in utterances:
        assert_tiles(segments, len(samples) / rate)
    assert {"p", "m"} <= {segment.phone for _, _, segments in utterances for segment in segments}
