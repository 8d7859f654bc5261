from __future__ import annotations

import shutil
import wave
from fractions import Fraction
from pathlib import Path

import av
import pytest

from appliance.errors import InputError, UnhealthyError
from appliance.pipeline.bench_material import draw_template, speak, write_speech


def write_wav(path: Path, frames: bytes) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(frames)
    return path


@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.75])
def test_speech_is_repeated_to_the_length_asked_for(tmp_path: Path, seconds: float) -> None:
    block = bytes(range(1, 201)) * 160
    source = write_wav(tmp_path / "source.wav", block)
    write_speech(tmp_path / "long.wav", seconds, source)
    with wave.open(str(tmp_path / "long.wav"), "rb") as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        assert file.getnframes() == round(seconds * 8000)
        data = file.readframes(file.getnframes())
    assert data == (block * 9)[: len(data)]


def test_a_file_that_is_no_speech_is_refused_by_name(tmp_path: Path) -> None:
    text = tmp_path / "text.wav"
    text.write_text("not a sound")
    empty = write_wav(tmp_path / "empty.wav", b"")
    for source in (text, empty, tmp_path / "missing.wav"):
        with pytest.raises(InputError, match=source.name):
            write_speech(tmp_path / "out.wav", 1.0, source)


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_espeak_gives_some_seconds(tmp_path: Path) -> None:
    speak(tmp_path / "said.wav")
    with wave.open(str(tmp_path / "said.wav"), "rb") as file:
        assert file.getnframes() / file.getframerate() > 5


def test_without_espeak_the_fix_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnhealthyError) as caught:
        speak(tmp_path / "said.wav")
    assert "espeak-ng" in caught.value.hint


def test_the_template_is_1080p25(tmp_path: Path) -> None:
    draw_template(tmp_path / "template.mp4")
    with av.open(str(tmp_path / "template.mp4")) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (1920, 1080)
        assert stream.average_rate == Fraction(25)
        assert stream.frames == 100
