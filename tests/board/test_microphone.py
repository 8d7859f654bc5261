"""A microphone on a sound card of a real kernel (snd-aloop), with a real udev: it comes, is heard, is pulled out."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import pytest

from tests import sounds
from tests.board.guest import Guest, Result, missing

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing("aplay")), reason=missing("aplay") or "-")]

UDEV = """
/lib/systemd/systemd-udevd --daemon
udevadm trigger --settle --subsystem-match=sound
"""
INPUTS = ["card:Loopback:0", "card:Loopback:1"]


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Result:
    guest = Guest(tmp_path_factory.mktemp("microphone"))
    sounds.speech(guest.out / "speech.wav")
    result = guest.run_inside("microphone", before=UDEV, timeout_s=600)
    result.facts()
    return result


def seconds(path: Path) -> float:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels()) == (16_000, 1)
        frames: int = file.getnframes()
        return frames / 16_000


def test_it_is_seen_to_come_go_and_come_back_under_the_same_id(heard: Result) -> None:
    facts = heard.facts()
    assert (facts["before"], facts["came"]) == ([], INPUTS)
    assert (facts["gone"], facts["came back"]) == ([], INPUTS)
    assert [one["id"] for one in facts["listed"]] == INPUTS


def test_a_recording_ends_by_itself_after_the_last_word(heard: Result) -> None:
    told = heard.facts()["until silence"]
    assert (told["code"], told["err"]) == (0, "")
    assert json.loads(told["out"])["ended"] == "silence"
    spoken = sounds.read(heard.out / "speech.wav")[0].shape[1] / 22_050
    assert spoken - 0.5 < seconds(heard.out / "until-silence.wav") < spoken + 2


def test_what_was_heard_before_it_was_pulled_out_is_kept_and_said(heard: Result) -> None:
    told = heard.facts()["pulled out"]
    assert told["code"] == 1
    kept = json.loads(told["out"])
    assert kept["ended"] == "unplugged"
    assert kept["seconds"] >= 1
    assert "was unplugged" in told["err"]
    assert f"the {kept['seconds']:.1f} s before are kept" in told["err"]
    assert seconds(heard.out / "pulled-out.wav") == pytest.approx(kept["seconds"], abs=0.01)


def test_without_a_microphone_the_command_says_so(heard: Result) -> None:
    told = heard.facts()["without one"]
    assert told["code"] == 1
    assert "there is no microphone" in told["err"]
