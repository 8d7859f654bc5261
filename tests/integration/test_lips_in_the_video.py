"""The finished video, measured from its own pixels, has the lips shut where the sound has p, b and m.

Sentences rich in them are spoken by voices that the network never heard, with the synthesiser's own times as truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch", reason="the truth is made by the training code, which needs torch")

from appliance.pipeline import avatars
from appliance.pipeline.options import Options
from appliance.pipeline.pack import AvatarPack
from appliance.pipeline.track import MotionTrack
from appliance.volumes import Volumes
from tests import mouth_pixels, sounds
from tests.integration.box import Box
from tools.train.espeak import Espeak
from tools.train.measure import Truth, score, summary, truth_of
from tools.train.phones import INDEX, Segment

SENTENCES: Final = {
    "pl+marcelo": (
        "Mama kupiła babci piękny bukiet białych piwonii.",
        "Paweł i Basia poszli po południu na most, by popatrzeć na pociąg.",
    ),
    "hu+pedro": (
        "A mama piros almát és banánt pakol a kosárba.",
        "Pápai Béla minden szombaton a barátaival bambit iszik a piacon.",
    ),
    "en-us+shelby": (
        "My mother may bring both of the boys back from the village before we move.",
        "Put the paper boat in the pool, and remember to bring some apples home.",
    ),
    "es+Alicia": (
        "Mi primo Pablo compró un bonito sombrero para su mamá.",
        "Por la mañana bebemos zumo y comemos pan con mantequilla.",
    ),
    "de+pablo": (
        "Meine Mama pflückt am Abend bunte Blumen beim Bahnhof.",
        "Bitte bring mir morgen ein paar Bananen und Pampelmusen mit.",
    ),
}
"""By voices whose sound, and for the first two whose language, is in none of the training data."""

FRAMED: Final = ("--expand-ratio", "0.3")
OPTIONS: Final = Options(expand_ratio=0.3, min_resolution=128)
FPS: Final = 25.0
FRAME_MS: Final = 1000 / FPS
PAUSE_S: Final = 0.8
SETTLED_S: Final = 0.12
"""Lips may take this long to part before the first sound of a phrase, and to meet after its last."""


@dataclass(frozen=True, slots=True)
class Talk:
    """A sound file, what is said in it, and what the video made of it shows."""

    sound: Path
    truth: Truth
    shown: MotionTrack


def spoken(path: Path, voice: str) -> tuple[Path, Truth]:
    """The sentences of a voice between pauses, as a file and as truth."""
    espeak = Espeak()
    pause = np.zeros(round(PAUSE_S * espeak.rate_hz), np.float32)
    parts, segments = [pause], [Segment(0.0, PAUSE_S, "sil")]
    for sentence in SENTENCES[voice]:
        samples, said = espeak.say(sentence, voice)
        start = segments[-1].end
        segments += [Segment(start + a, start + b, phone) for a, b, phone in said]
        segments.append(Segment(segments[-1].end, segments[-1].end + PAUSE_S, "sil"))
        parts += [samples, pause]
    sounds.write(path, np.concatenate(parts)[None], espeak.rate_hz)
    middles = np.arange(0.005, segments[-1].end, 0.01)
    places = np.searchsorted([segment.end for segment in segments], middles, side="right")
    return path, truth_of(np.array([INDEX[segments[place].phone] for place in places], np.uint8))


@pytest.fixture(scope="module")
def pack(box: Box) -> AvatarPack:
    return avatars.show(avatars.DEMO, Volumes(box.root))


def watched(box: Box, pack: AvatarPack, sound: Path, video: Path, *options: str) -> MotionTrack:
    """Render, and look."""
    box.render(avatars.DEMO, sound, video, *FRAMED, *options)
    return mouth_pixels.seen(mouth_pixels.openings(video, pack, OPTIONS), FPS)


@pytest.fixture(scope="module")
def talks(box: Box, pack: AvatarPack, tmp_path_factory: pytest.TempPathFactory) -> list[Talk]:
    folder = tmp_path_factory.mktemp("talks")
    told = [spoken(folder / f"{voice}.wav", voice) for voice in SENTENCES]
    return [Talk(sound, truth, watched(box, pack, sound, sound.with_suffix(".mp4"))) for sound, truth in told]


def judged(shown: list[MotionTrack], truths: list[Truth]) -> dict[str, float]:
    """The scorer's measures of all videos together; a closure may be 40 ms away."""
    return summary([score(track, truth) for track, truth in zip(shown, truths, strict=True)])


def late(truth: Truth, steps: int) -> Truth:
    """The same words said some hundredths of a second later."""
    phones = np.array([INDEX[segment.phone] for segment in truth.segments], np.uint8)
    at_100_hz = np.repeat(phones, [round(100 * (segment.end - segment.start)) for segment in truth.segments])
    return truth_of(np.concatenate([np.full(steps, INDEX["sil"], np.uint8), at_100_hz]))


def settled_silence(talk: Talk) -> NDArray[np.bool_]:
    """The frames around which nothing is said for `SETTLED_S`."""
    reach = round(100 * SETTLED_S)
    voiced = np.convolve(talk.truth.viseme > 0, np.ones(2 * reach + 1), "same") > 0
    middles = (100 * (np.arange(len(talk.shown)) + 0.5) / FPS).astype(int)
    return np.asarray(~voiced[middles[middles < len(voiced)]], np.bool_)


def test_the_lips_meet_where_the_sound_has_p_b_and_m(talks: list[Talk]) -> None:
    measured = judged([talk.shown for talk in talks], [talk.truth for talk in talks])
    assert measured["closures"] > 90
    assert measured["closure_recall"] > 0.85
    assert measured["closure_precision"] > 0.9
    assert measured["opening_r"] > 0.8


def test_the_measure_can_fail(talks: list[Talk]) -> None:
    shown, truths = [talk.shown for talk in talks], [talk.truth for talk in talks]
    right = judged(shown, truths)
    for wrong in (judged(shown, [late(truth, 20) for truth in truths]), judged(shown, truths[1:] + truths[:1])):
        assert wrong["closure_recall"] < right["closure_recall"] - 0.25
        assert wrong["closure_precision"] < right["closure_precision"] - 0.2
        assert wrong["opening_r"] < 0.5


def test_the_mouth_is_shut_in_the_pauses(talks: list[Talk]) -> None:
    for talk in talks:
        silence = settled_silence(talk)
        assert silence.sum() > 2 * (PAUSE_S - 2 * SETTLED_S) * FPS
        assert (talk.shown.closure[: len(silence)][silence] == 1).all(), talk.sound.stem


def test_the_mouth_moves_with_the_sound_to_a_frame(talks: list[Talk]) -> None:
    lags = [score(talk.shown, talk.truth).lag_ms for talk in talks]
    assert np.abs(lags).max() < FRAME_MS
    assert abs(np.median(lags)) < FRAME_MS / 2
    late_by = [score(talk.shown, late(talk.truth, 20)).lag_ms for talk in talks]
    assert np.median(late_by) == pytest.approx(np.median(lags) - 200, abs=10), "the measure sees a shift"


def test_an_offset_moves_the_mouth_by_as_much(box: Box, pack: AvatarPack, tmp_path: Path, talks: list[Talk]) -> None:
    talk = talks[0]
    shown = watched(box, pack, talk.sound, tmp_path / "late.mp4", "--offset-ms", "120")
    moved_ms = score(shown, talk.truth).lag_ms - score(talk.shown, talk.truth).lag_ms
    assert moved_ms == pytest.approx(3 * FRAME_MS, abs=FRAME_MS / 2)


def test_the_picture_shows_every_closure_of_the_track(box: Box, tmp_path: Path, talks: list[Talk]) -> None:
    sealed, shut = [], []
    for talk in talks[:2]:
        done = box.run("motion", talk.sound, "--out", tmp_path / "track.npz")
        assert done.returncode == 0, done.stderr
        track = MotionTrack.load(tmp_path / "track.npz")
        assert track.fps == FPS
        assert abs(len(track) - len(talk.shown)) <= 1
        frames = min(len(track), len(talk.shown))
        sealed.append(((track.closure > 0.5) & (track.vad > 0.5))[:frames])
        shut.append(talk.shown.closure[:frames] == 1)
    assert np.concatenate(sealed).sum() > 40
    assert np.concatenate(shut)[np.concatenate(sealed)].mean() > 0.95
