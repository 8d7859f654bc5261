"""How a recording ends, and what is kept. The microphone here is an array of samples; real devices: test_source."""

from __future__ import annotations

import resource
import wave
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from appliance.capture.level import FRAME, frame_levels
from appliance.capture.recorder import PRE_ROLL_S, TAIL_S, Ended, Meter, Order, Plan, Recorder, Recording
from appliance.capture.source import BLOCK, Block, LostError

Samples = NDArray[np.float32]
RANDOM = np.random.default_rng(3)


def quiet(seconds: float) -> Samples:
    return (0.001 * RANDOM.standard_normal(round(seconds * 16000))).astype(np.float32)


def voice(seconds: float) -> Samples:
    return (0.1 * RANDOM.standard_normal(round(seconds * 16000))).astype(np.float32)


class SimulatedMicrophone:
    """Says its samples, then is gone."""

    def __init__(self, *parts: Samples, clipped: bool = False) -> None:
        self._samples = np.concatenate(parts)
        self._clipped = clipped
        self.given = 0

    def read(self, timeout_s: float) -> Block | None:
        assert timeout_s > 0
        samples = self._samples[self.given : self.given + BLOCK]
        if not len(samples):
            raise LostError("the microphone Test was unplugged", hint="plug it in")
        self.given += len(samples)
        return Block(samples, self._clipped)


def loud_is_speech(samples: Samples) -> Sequence[float]:
    return [float(level > -40) for level in frame_levels(samples)]


class Run:
    """One recording with everything that it reported."""

    def __init__(
        self, path: Path, plan: Plan, *parts: Samples, orders: Callable[[int], Order | None] = lambda _: None,
        clipped: bool = False,
    ) -> None:  # fmt: skip
        self.meters: list[Meter] = []
        self.microphone = SimulatedMicrophone(*parts, clipped=clipped)
        recorder = Recorder(self.microphone, path, plan, loud_is_speech)
        self.got: Recording = recorder.run(self.meters.append, lambda: orders(len(self.meters)))
        self.kept_s = seconds_of(path) if self.got.path else None


def seconds_of(path: Path) -> float:
    with wave.open(str(path)) as file:
        count: int = file.getnframes()
        assert len(file.readframes(count)) == 2 * count
        assert path.stat().st_size == 44 + 2 * count
        return count / 16000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.wav"


def test_so_many_seconds_and_no_sample_more(path: Path) -> None:
    run = Run(path, Plan(1.234), voice(5))
    assert run.got.ended is Ended.LENGTH
    assert run.got.seconds == run.kept_s == 1.234
    assert (run.got.message, run.got.warnings) == ("", [])


def test_until_silence_keeps_the_words_with_what_is_just_before_and_after(path: Path) -> None:
    run = Run(path, Plan(None), quiet(3), voice(2), quiet(5))
    assert run.got.ended is Ended.SILENCE
    assert run.kept_s == pytest.approx(PRE_ROLL_S + 2 + TAIL_S, abs=0.1)
    assert run.microphone.given / 16000 == pytest.approx(3 + 2 + 1.5, abs=0.2)
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
    levels = [level > -40 for level in frame_levels(samples.astype(np.float32))]
    assert levels.index(True) * FRAME / 16000 == pytest.approx(PRE_ROLL_S, abs=0.05)
    assert levels[::-1].index(True) * FRAME / 16000 == pytest.approx(TAIL_S, abs=0.05)


def test_words_at_the_very_beginning_are_whole(path: Path) -> None:
    run = Run(path, Plan(None), voice(1), quiet(5))
    assert run.kept_s == pytest.approx(1 + TAIL_S, abs=0.1)


def test_nothing_said_keeps_nothing_and_says_so(path: Path) -> None:
    path.write_bytes(b"an older recording")
    run = Run(path, Plan(None, nothing_s=4), quiet(20))
    assert run.got.ended is Ended.NOTHING
    assert (run.got.path, run.got.seconds) == (None, 0.0)
    assert run.got.message == "nothing was said within 4 s"
    assert run.got.hint
    assert path.read_bytes() == b"an older recording"


def test_nothing_said_is_kept_when_asked_for(path: Path) -> None:
    run = Run(path, Plan(None, nothing_s=4, keep_silence=True), quiet(20))
    assert run.got.ended is Ended.NOTHING
    assert run.kept_s == run.got.seconds == 4


def test_the_limit_in_seconds(path: Path) -> None:
    run = Run(path, Plan(None, max_seconds=3), quiet(1), voice(20))
    assert run.got.ended is Ended.LIMIT
    assert run.kept_s == 3
    assert "limit, after 3.0 s" in run.got.message


def test_the_limit_in_bytes(path: Path) -> None:
    run = Run(path, Plan(None, max_bytes=50_001), quiet(1), voice(20))
    assert run.got.ended is Ended.LIMIT
    assert path.stat().st_size == 50_000


def test_an_unplugged_simulated_microphone_leaves_what_was_heard(path: Path) -> None:
    run = Run(path, Plan(60), voice(2.55))
    assert run.got.ended is Ended.LOST
    assert run.kept_s == run.got.seconds == 2.55
    assert run.got.message == "the microphone Test was unplugged; the 2.5 s before are kept"
    assert run.got.hint == "plug it in"


def test_unplugged_before_anybody_spoke_keeps_that_too(path: Path) -> None:
    assert Run(path, Plan(None), quiet(2)).kept_s == 2


def test_unplugged_before_anything_was_heard(path: Path) -> None:
    run = Run(path, Plan(None), quiet(0))
    assert run.got.path is None
    assert not path.exists()
    assert run.got.message == "the microphone Test was unplugged"


@pytest.mark.parametrize("seconds", [60, None])
def test_stopped_by_hand_keeps_everything(path: Path, seconds: float | None) -> None:
    run = Run(path, Plan(seconds), quiet(60), orders=lambda reports: Order.STOP if reports == 20 else None)
    assert run.got.ended is Ended.STOPPED
    assert run.kept_s == 2


def test_stopped_before_anything_was_heard(path: Path) -> None:
    run = Run(path, Plan(60), quiet(60), orders=lambda _: Order.STOP)
    assert (run.got.ended, run.got.path, run.got.message) == (Ended.STOPPED, None, "nothing was recorded yet")


def test_thrown_away_leaves_nothing(path: Path) -> None:
    run = Run(path, Plan(60), quiet(60), orders=lambda reports: Order.CANCEL if reports == 20 else None)
    assert run.got.ended is Ended.CANCELLED
    assert run.got.path is None
    assert not path.exists()


def test_when_the_power_fails_the_file_is_closed(path: Path) -> None:
    run = Run(path, Plan(60), quiet(60), orders=lambda reports: Order.POWER_FAILS if reports == 20 else None)
    assert (run.got.ended, run.kept_s) == (Ended.POWER, 2)


def test_a_disk_that_takes_no_more_leaves_what_it_took(path: Path) -> None:
    """The kernel's limit on the size of a file stands for a full disk: both refuse in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (70_001, before[1]))
    try:
        run = Run(path, Plan(60), voice(60))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert run.got.ended is Ended.FULL
    assert run.kept_s == pytest.approx((70_000 - 44) / 32000, abs=1e-3)
    assert "the disk is full; 2.2 s are kept" in run.got.message
    assert run.got.hint


def test_the_meter_shows_level_noise_speech_and_length_ten_times_a_second(path: Path) -> None:
    run = Run(path, Plan(None), quiet(2), voice(2), quiet(2))
    before, during = run.meters[10], run.meters[30]
    assert before.level_db == pytest.approx(-60, abs=1)
    assert before.noise_db == pytest.approx(-60, abs=1)
    assert during.level_db == pytest.approx(-20, abs=1)
    assert during.noise_db == pytest.approx(-60, abs=1)
    assert during.peak_db > during.level_db
    assert (before.speech, during.speech) == (False, True)
    assert run.meters[2].noise_db is None
    assert np.diff([meter.seconds for meter in run.meters[30:40]]) == pytest.approx(0.1)
    assert run.got.peak_db == pytest.approx(max(meter.peak_db for meter in run.meters), abs=0.1)


def test_overdriven_sound_is_said(path: Path) -> None:
    run = Run(path, Plan(1), voice(2), clipped=True)
    assert run.got.clipped
    assert "overdriven" in run.got.warnings[0]
    assert run.meters[0].clipped


def test_a_bug_in_the_listener_still_closes_the_file(path: Path) -> None:
    def broken(meter: Meter) -> None:
        if meter.seconds > 1:
            raise ZeroDivisionError

    recorder = Recorder(SimulatedMicrophone(voice(5)), path, Plan(5.0))
    with pytest.raises(ZeroDivisionError):
        recorder.run(broken, lambda: None)
    assert seconds_of(path) > 1


def test_until_silence_needs_a_voice_activity(path: Path) -> None:
    with pytest.raises(ValueError, match="voice activity"):
        Recorder(SimulatedMicrophone(voice(1)), path, Plan(None))
