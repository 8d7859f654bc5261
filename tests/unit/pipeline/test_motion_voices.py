"""What the shipped network does with voices that it never heard, spoken here and now."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the truth is made by the training code, which needs torch")

from appliance.pipeline.motion import load_motion_model
from appliance.pipeline.track import MotionTrack
from tools.train import corpus
from tools.train.baselines import envelope, figures, ideal, late, network, utterances
from tools.train.measure import Truth, score, summary

FORTUNES = Path("/usr/share/games/fortunes")
HELD_OUT = {
    "kal_diphone": {
        "festvox-kallpc16k": Path("/usr/share/festival/voices/english/kal_diphone"),
        "fortunes": FORTUNES / "wisdom",
        "wamerican": Path("/usr/share/dict/american-english"),
    },
    "pl": {"fortunes-pl": FORTUNES / "pl", "wpolish": Path("/usr/share/dict/polish")},
}


def spoken(name: str) -> tuple[list[np.ndarray], list[Truth]]:
    missing = [package for package, place in HELD_OUT[name].items() if not place.exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed")
    (voice,) = (voice for voice in corpus.VALIDATION if voice.name == name)
    return utterances(voice, 30.0, seed=77)


@pytest.mark.parametrize("name", HELD_OUT)
def test_the_network_beats_an_energy_envelope_on_a_voice_it_never_heard(name: str) -> None:
    voices, truths = spoken(name)
    net, loudness = figures(network(load_motion_model()), voices, truths), figures(envelope, voices, truths)
    assert net["opening_r"] > loudness["opening_r"] + 0.05
    assert net["opening_r"] > 0.85
    assert net["closure_precision"] > loudness["closure_precision"] + 0.2
    assert net["closure_recall"] > 0.8
    assert net["vad_f1"] > max(loudness["vad_f1"], 0.94)


@pytest.mark.parametrize("name", HELD_OUT)
def test_the_track_is_on_time(name: str) -> None:
    voices, truths = spoken(name)
    assert abs(figures(network(load_motion_model()), voices, truths)["lag_ms"]) <= 10


def test_the_scorer_can_fail() -> None:
    _, truths = spoken("pl")
    tracks = [ideal(truth) for truth in truths]

    def judged(shown: list[MotionTrack]) -> dict[str, float]:
        return summary([score(track, truth) for track, truth in zip(shown, truths, strict=True)])

    right, delayed, foreign = judged(tracks), judged([late(t, 0.2) for t in tracks]), judged(tracks[1:] + tracks[:1])
    assert right["closure_recall"] == right["closure_precision"] == 1.0
    assert right["opening_r"] > 0.999
    assert right["lag_ms"] == 0
    assert delayed["lag_ms"] == 200
    for wrong in (delayed, foreign):
        assert wrong["closure_recall"] < 0.5
        assert wrong["opening_r"] < 0.5
