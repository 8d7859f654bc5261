"""Real people, real network, real ALSA device: a recording ends soon after the last word, never before it,
and begins before the first."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.capture.recorder import Ended, Plan, Recorder
from appliance.capture.source import BLOCK, Block, Source
from appliance.commands.record import voice_activity
from appliance.pipeline.motion import load_motion_model
from tests import microphones, utterances
from tests.utterances import Scene

# Noise at 10 dB, reverberation time in seconds.
ROOMS = {
    "white": ("white", 0.0),
    "pink with echo": ("pink", 0.3),
    "hum with echo": ("hum", 0.6),
}
SILENCE_STOP_S = 1.5
RATE = 16_000


class Counted:
    """A source that counts what it gave."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.seconds = 0.0

    def read(self, timeout_s: float) -> Block | None:
        block = self._source.read(timeout_s)
        if block is not None:
            assert len(block.samples) == BLOCK
            self.seconds += BLOCK / RATE
        return block


def record(scene: Scene, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float, Ended]:
    """When the recording ended, and where its file begins, in seconds of the scene."""
    for name, value in microphones.playing(folder, scene.samples, scene.name.replace(" ", "-")).items():
        monkeypatch.setenv(name, value)
    out = folder / "out.wav"
    with Source(microphones.NAME) as source:
        counted = Counted(source)
        plan = Plan(None, silence_stop_s=SILENCE_STOP_S)
        got = Recorder(counted, out, plan, voice_activity(load_motion_model())).run(lambda _: None, lambda: None)
    return counted.seconds, utterances.where(scene, out), got.ended


@pytest.mark.slow
@pytest.mark.parametrize("room", ROOMS)
def test_it_ends_after_the_last_word_and_soon(room: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise, echo_s = ROOMS[room]
    wrong = {}
    for seed, name in enumerate(utterances.spoken()):
        scene = utterances.scene(name, noise=noise, echo_s=echo_s, lead_s=0.7 * (seed % 4), seed=seed)
        stopped_s, begins_s, ended = record(scene, tmp_path, monkeypatch)
        late_s = stopped_s - scene.ends_s
        if ended is not Ended.SILENCE or not 0 < late_s <= SILENCE_STOP_S + 1 or begins_s > scene.begins_s:
            wrong[name] = (ended, late_s, begins_s - scene.begins_s)
    assert wrong == {}
