"""The lag of a real mouth behind real speech is found; where nothing can be told, nothing is claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.pipeline.lip_sync import lag_s
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.track import MotionTrack
from appliance.settings import SPEECH_RATE_HZ
from tests import sounds

Samples = NDArray[np.float32]

TEXTS = {
    "en": "Papa meets Bob at the boat. They carry seven big baskets up to the market, and maybe they will sell them.",
    "de": "Am Montag bringt Paul die Blumen zum Markt. Danach trinkt er mit seiner Oma einen warmen Kakao im Garten.",
    "fr": "Le matin, papa porte un beau panier au marché. Puis il boit un bon café avec Bob sur le bateau du port.",
}


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return load_motion_model()


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Samples]:
    folder = tmp_path_factory.mktemp("speech")
    return {voice: _spoken(folder / f"{voice}.wav", text, voice) for voice, text in TEXTS.items()}


def _spoken(path: Path, text: str, voice: str) -> Samples:
    heard, rate = sounds.read(sounds.speech(path, text, voice))
    samples = heard[0].astype(np.float32)
    if np.abs(samples).max() > 1:
        samples = samples / 32768
    times = np.arange(round(len(samples) * SPEECH_RATE_HZ / rate)) / SPEECH_RATE_HZ
    return np.asarray(np.interp(times, np.arange(len(samples)) / rate, samples), np.float32)


def followed(model: MotionModel, samples: Samples, fps: float = 25) -> MotionTrack:
    stream = model.stream(fps)
    return MotionTrack.joined([stream.push(samples), stream.finish()])


def delayed(samples: Samples, lag: float) -> Samples:
    """The sound that a network hears whose mouth is to be `lag` seconds late."""
    count = round(abs(lag) * SPEECH_RATE_HZ)
    return np.concatenate([np.zeros(count, np.float32), samples]) if lag > 0 else samples[count:]


@pytest.mark.parametrize("voice", TEXTS)
def test_the_networks_own_mouth_is_in_time(model: MotionModel, speech: dict[str, Samples], voice: str) -> None:
    assert abs(lag_s(followed(model, speech[voice]), speech[voice])) <= 0.05


@pytest.mark.parametrize("voice", TEXTS)
@pytest.mark.parametrize("lag", [-0.2, -0.08, 0.06, 0.12, 0.25])
def test_a_delay_is_found(model: MotionModel, speech: dict[str, Samples], voice: str, lag: float) -> None:
    samples = speech[voice]
    late = followed(model, delayed(samples, lag))
    zero = lag_s(followed(model, delayed(samples, 0.1)), samples) - 0.1
    assert lag_s(late, samples) == pytest.approx(lag + zero, abs=0.015)
    assert lag_s(late, samples) == pytest.approx(lag, abs=0.045)


@pytest.mark.parametrize("fps", [12.0, 50.0])
def test_the_frame_rate_does_not_matter(model: MotionModel, speech: dict[str, Samples], fps: float) -> None:
    late = followed(model, delayed(speech["en"], 0.15), fps)
    assert lag_s(late, speech["en"]) == pytest.approx(0.15, abs=0.045)


def test_silence_noise_and_a_word_tell_nothing(model: MotionModel, speech: dict[str, Samples]) -> None:
    random = np.random.default_rng(0)
    quiet = np.zeros(6 * SPEECH_RATE_HZ, np.float32)
    noise = (0.1 * random.standard_normal(6 * SPEECH_RATE_HZ)).astype(np.float32)
    word = speech["en"][: round(1.5 * SPEECH_RATE_HZ)]
    for samples in (quiet, noise, word, word[:0]):
        assert lag_s(followed(model, delayed(samples, 0.15)), samples) == 0


def test_a_mouth_that_has_nothing_to_do_with_the_sound_tells_nothing(speech: dict[str, Samples]) -> None:
    random = np.random.default_rng(1)
    count = len(speech["en"]) * 25 // SPEECH_RATE_HZ
    rest = MotionTrack.at_rest(25, count)
    assert lag_s(rest, speech["en"]) == 0
    random_mouth = random.uniform(0, 1, count).astype(np.float32)
    restless = MotionTrack(25, random_mouth, rest.closure, rest.width, rest.rounding, rest.vad, rest.viseme)
    assert lag_s(restless, speech["en"]) == 0
