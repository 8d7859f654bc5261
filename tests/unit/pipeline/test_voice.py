"""The sound's side of a render: how long the video becomes, shifts, and what others see while it runs."""

from __future__ import annotations

import threading
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from appliance.errors import CancelledError
from appliance.pipeline.motion import MotionModel, load_motion_model
from appliance.pipeline.options import Options
from appliance.pipeline.progress import Job
from appliance.pipeline.sound import open_sound
from appliance.pipeline.track import CURVES, MotionTrack
from appliance.pipeline.voice import Voice
from tests import sounds

RATE = Fraction(25)


@pytest.fixture(scope="module")
def model() -> MotionModel:
    return load_motion_model()


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.speech(tmp_path_factory.mktemp("sound") / "a.wav", "Papa meets Bob at the boat, and Mama does too.")


def follow(
    path: Path,
    model: MotionModel,
    tmp_path: Path,
    *,
    kind: type[Voice] = Voice,
    **options: float,
) -> Voice:
    """A voice that has followed a sound to its end."""
    wanted = Options.of({"lip_sync_correction": False, **options})
    with open_sound(path, limit_s=wanted.duration) as reader:
        voice = kind(reader, model, RATE, wanted, tmp_path / "sound.mp4", Job())
        voice.run()
    return voice


def whole(voice: Voice) -> MotionTrack:
    assert voice.frames is not None
    track = voice.part(0, voice.frames)
    assert track is not None
    return track


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (639, 1), (640, 1), (650, 2), (16000, 25), (16016, 26)])
def test_no_sound_is_cut_and_the_picture_ends_within_a_frame(
    model: MotionModel, tmp_path: Path, samples: int, frames: int
) -> None:
    path = sounds.write(tmp_path / "a.wav", sounds.tone(samples / 16000, 16000), 16000)
    voice = follow(path, model, tmp_path)
    assert voice.frames == frames
    assert len(whole(voice)) == frames
    heard, rate = sounds.read(tmp_path / "sound.mp4")
    assert frames / RATE <= Fraction(heard.shape[1], rate) < frames / RATE + Fraction(1024, rate)


def test_a_duration_trims_or_holds_at_rest(model: MotionModel, tmp_path: Path, speech: Path) -> None:
    natural = follow(speech, model, tmp_path)
    assert natural.frames is not None
    short = follow(speech, model, tmp_path, duration=1.0)
    long = follow(speech, model, tmp_path, duration=10.0)
    assert (short.frames, long.frames) == (25, 250)
    np.testing.assert_allclose(whole(long).opening[: natural.frames - 3], whole(natural).opening[:-3], atol=1e-5)
    assert not whole(long).vad[natural.frames :].any()


@pytest.mark.parametrize("offset_ms", [-400, 200, 480])
def test_an_offset_moves_the_mouth_not_the_sound(
    model: MotionModel, tmp_path: Path, speech: Path, offset_ms: int
) -> None:
    plain, moved = follow(speech, model, tmp_path), follow(speech, model, tmp_path, offset_ms=offset_ms)
    assert moved.frames == plain.frames
    frames = round(offset_ms / 40)
    here, there = whole(plain).opening, whole(moved).opening
    a, b = (here[: len(here) - frames], there[frames:]) if frames > 0 else (here[-frames:], there[:frames])
    assert np.corrcoef(a, b)[0, 1] > 0.98


def test_a_part_is_the_same_whenever_it_is_asked_for(model: MotionModel, tmp_path: Path, speech: Path) -> None:
    """An offset makes the track longer than the video; both a frame before the end is known and after, what lies
    beyond it is context."""
    early: list[MotionTrack] = []

    class Asked(Voice):
        def _finish(self, frames: int) -> None:
            self.asked = (frames - 20, self._known)
            part = self.part(*self.asked)
            assert part is not None
            early.append(part)
            super()._finish(frames)

    voice = follow(speech, model, tmp_path, kind=Asked, offset_ms=500)
    assert isinstance(voice, Asked)
    later = voice.part(*voice.asked)
    assert later is not None
    assert len(later) == len(early[0]) > 20
    for name in CURVES:
        assert (getattr(later, name) == getattr(early[0], name)).all()


def test_nothing_comes_after_the_end(model: MotionModel, tmp_path: Path, speech: Path) -> None:
    voice = follow(speech, model, tmp_path)
    assert voice.frames is not None
    assert voice.part(voice.frames, voice.frames + 75) is None
    last = voice.part(voice.frames - 5, voice.frames + 70)
    assert last is not None
    assert len(last) == 5


def test_the_length_is_expected_before_it_is_known(model: MotionModel, tmp_path: Path, speech: Path) -> None:
    with open_sound(speech) as reader:
        voice = Voice(reader, model, RATE, Options(), tmp_path / "sound.mp4", Job())
        assert voice.frames is None
        before = voice.expected_frames
        voice.run()
    assert before == pytest.approx(voice.frames, abs=1)
    assert voice.expected_frames == voice.frames


def test_who_waits_is_told_of_the_end_of_a_voice_that_failed(model: MotionModel, tmp_path: Path, speech: Path) -> None:
    got: list[MotionTrack | None] = []
    with open_sound(speech) as reader:
        voice = Voice(reader, model, RATE, Options(), tmp_path / "missing" / "sound.mp4", Job())
        waiting = threading.Thread(target=lambda: got.append(voice.part(0, 75)))
        waiting.start()
        with pytest.raises(Exception, match=r"sound\.mp4"):
            voice.run()
        waiting.join(timeout=30)
    assert got == [None]


def test_cancelling_stops_the_voice_and_leaves_no_sound(model: MotionModel, tmp_path: Path, speech: Path) -> None:
    job = Job()
    with open_sound(speech) as reader:
        voice = Voice(reader, model, RATE, Options(), tmp_path / "sound.mp4", job)
        job.cancel()
        with pytest.raises(CancelledError):
            voice.run()
        with pytest.raises(CancelledError):
            Voice(reader, model, RATE, Options(), tmp_path / "sound.mp4", job).part(0, 10)
    assert list(tmp_path.iterdir()) == []
